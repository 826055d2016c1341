"""Answers to the typed tasks that rules can honestly do: the whole of what the ``rules`` transport says.

    answer("decide", {"left": {"title": …}, "right": {…}, "identity": "strict", "answers": [], "rivals": []})

Listings are objects with the keys of ``Listing.texts()``. Every function is pure: equal payloads give equal answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

from pydantic import ValidationError

from epm.errors import ErrorClass, ModelError
from epm.evidence.engine import PairEvidence, compare_listings, read_texts
from epm.evidence.entailment import entailment_problems, identifier_problems, quote_problems
from epm.evidence.identifiers import gtin_digits, gtin_trust
from epm.evidence.questions import UNKNOWN_ANSWER, agreement, answer_from_texts, ask, asked_attribute
from epm.evidence.rationale import name_quote
from epm.evidence.verdict import DEFAULT_THRESHOLDS, Thresholds
from epm.identity import IDENTITY_RULES, STRICT, IdentityRule
from epm.rationale import AXIS_ATTRIBUTES, Rationale, Verdict
from epm.relation import Relation

Payload = Mapping[str, object]
RIVAL_TOOL = "find_rivals"
_TIE_SHIFT = 0.08
_DATA = re.compile(r'\A<data name="\w+">\n(.*)\n</data>\Z', re.DOTALL)
"""Results stand in a data field, as all text of others does."""


def answer(task_kind: str, payload: Payload) -> dict[str, object]:
    """The answer to one typed task.

    Raises:
        ModelError: (``unsupported``) a task that rules cannot do; (``bad_request``) a payload without its parts.
    """
    solve = _TASKS.get(task_kind)
    if solve is None:
        msg = f"the rules cannot do the task {task_kind!r}: they know {sorted(_TASKS)}; use a model for it"
        raise ModelError(msg, ErrorClass.UNSUPPORTED)
    return solve(payload)


def _part(payload: Payload, key: str) -> Payload:
    value = payload.get(key)
    if not isinstance(value, Mapping):
        msg = f"task payload has {key!r} = {value!r}, but an object is needed"
        raise ModelError(msg, ErrorClass.BAD_REQUEST)
    return value


def _texts(payload: Payload, key: str) -> dict[str, str]:
    return {str(name): text for name, text in _part(payload, key).items() if isinstance(text, str)}


def _rows(payload: Payload, key: str) -> list[Payload]:
    value = payload.get(key)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, Sequence) and not isinstance(value, str) else []


def _identity(payload: Payload) -> IdentityRule:
    named = payload.get("identity")
    if isinstance(named, str):
        return IDENTITY_RULES.get(named, STRICT)
    if isinstance(named, Mapping) and isinstance(named.get("matching"), Sequence):
        known = frozenset(Relation) - {Relation.UNDECIDABLE}
        matching = frozenset(relation for relation in known if relation.value in named["matching"])
        return IdentityRule(str(named.get("name", "")), matching, str(named.get("statement", "")))
    return STRICT


def _extract(payload: Payload) -> dict[str, object]:
    listing = read_texts(_texts(payload, "listing"))
    found: list[dict[str, str]] = []
    for names in AXIS_ATTRIBUTES.values():
        for name in names:
            if name == "name" and (quote := name_quote(listing, ())) is not None:
                found.append({"name": name, "value": " ".join(word.key for word in listing.names[:8]) or quote, "quote": quote})
            found.extend({"name": name, "value": value.key, "quote": value.span.quote} for value in listing.of(name) if value.key)
    unique = {(item["name"], item["value"]): item for item in reversed(found)}
    return {"attributes": list(reversed(unique.values()))}


def _ask(payload: Payload) -> dict[str, object]:
    return {"questions": [asdict(question) for question in ask(_texts(payload, "left"), _texts(payload, "right"))]}


def _sufficient(payload: Payload) -> dict[str, object]:
    question = _part(payload, "question")
    fitting = [
        row
        for row in _rows(payload, "answers")
        if all(row.get(key, question.get(key)) == question.get(key) for key in ("entity", "attribute"))
    ]
    stated = [(text, row) for row in fitting if (text := _text(row)).lower() not in {"", UNKNOWN_ANSWER}]
    is_sufficient = len({text.lower() for text, _ in stated}) == 1
    citations = [str(row["id"]) for _, row in stated if "id" in row] if is_sufficient else []
    return {"sufficient": is_sufficient, "answer": stated[0][0] if is_sufficient else None, "citations": citations}


def _text(row: Payload) -> str:
    return str(row.get("text") or row.get("answer") or "").strip()


def _research(payload: Payload) -> dict[str, object]:
    question = _part(payload, "question")
    entity, attribute = str(question.get("entity", "")), str(question.get("attribute", ""))
    results = _rows(payload, "tool_results")
    if not results:
        return {
            "tool_call": {"name": RIVAL_TOOL, "arguments": {"query": entity.replace(":", " ").strip() or str(question.get("question", ""))}}
        }
    hits = [(str(hit.get("id", "")), str(hit.get("text", ""))) for result in results for hit in _hits(result)]
    text, citations = answer_from_texts(entity, attribute, hits)
    return {"answer": text, "citations": list(citations)}


def _hits(result: Payload) -> list[Payload]:
    """The hits of one tool result: given as rows, or as the JSON text that the tool wrote."""
    content = result.get("content")
    if not isinstance(content, str):
        return _rows(result, "hits")
    try:
        read = json.loads(_DATA.sub(r"\1", content))
    except json.JSONDecodeError:
        return []
    return _rows(read, "hits") if isinstance(read, dict) else _rows({"hits": read}, "hits")


def _decide(payload: Payload) -> dict[str, object]:
    return decide(payload).rationale.model_dump(mode="json")


def decide(payload: Payload) -> PairEvidence:
    """The evidence of a decide task.

    Answers and rivals are weak evidence: they are no quotes of the listings, so they move the threshold of a near tie
    a little and can never overturn what the listings say.
    """
    left, right = read_texts(_texts(payload, "left")), read_texts(_texts(payload, "right"))
    identity = _identity(payload)
    evidence = compare_listings(left, right, identity)
    shift = _answer_shift(evidence, _rows(payload, "answers"))
    if shift:
        evidence = compare_listings(left, right, identity, thresholds=_shifted(shift))
    return evidence


def _answer_shift(evidence: PairEvidence, answers: Sequence[Payload]) -> float:
    verdicts = set()
    for row in answers:
        for atom in evidence.atoms:
            value = atom.left or atom.right
            if (
                atom.attribute == (row.get("attribute") or asked_attribute(str(row.get("question", ""))))
                and (atom.left is None) != (atom.right is None)
                and value is not None
            ):
                text = _text(row)
                verdicts.add(Verdict.UNKNOWN if text.lower() in {"", UNKNOWN_ANSWER} else agreement(value, text))
    if Verdict.DIFFERENT in verdicts:
        return _TIE_SHIFT
    return -_TIE_SHIFT if Verdict.SAME in verdicts else 0.0


def _shifted(shift: float) -> Thresholds:
    base = DEFAULT_THRESHOLDS
    return replace(base, shared=base.shared + shift, conflict=base.conflict + shift, none=base.none + shift)


def _verify(payload: Payload) -> dict[str, object]:
    left, right = _texts(payload, "left"), _texts(payload, "right")
    try:
        rationale = Rationale.model_validate(_part(payload, "rationale"))
    except ValidationError as error:
        return {"verdict": "veto", "problems": [f"no valid rationale: {error.errors()[0]['msg']}"]}
    problems = [
        *quote_problems(rationale, left, right), *entailment_problems(rationale, _identity(payload) if "identity" in payload else None), *identifier_problems(rationale),
    ]  # fmt: skip
    notes = [] if problems else [*_bad_gtins("left", left), *_bad_gtins("right", right)]
    return {"verdict": "veto" if problems else "pass", "problems": [*problems, *notes]}


def _bad_gtins(side: str, texts: Mapping[str, str]) -> list[str]:
    digits = gtin_digits(texts.get("gtin", ""))
    trust = None if digits is None else gtin_trust(digits)
    return [f"{side} gtin {texts['gtin']!r} has a bad check digit: it proves nothing"] if trust == "bad" else []


_TASKS: Mapping[str, Callable[[Payload], dict[str, object]]] = {
    "extract": _extract, "ask": _ask, "sufficient": _sufficient, "research": _research, "decide": _decide, "verify": _verify,
}  # fmt: skip
