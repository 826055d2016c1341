"""Domain values to database rows and back; ``decode(encode(x)) == x``.

JSON is ASCII, so that any listing text survives, lone surrogates of broken feeds included.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import TypedDict, cast

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.gateway.ledger import CachedReply, CallRecord, canonical_json, usage_to_mapping
from epm.gateway.request import CallScope, Usage
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Label, Relation
from epm.store.records import RunRecord, RunSpec, RunStatus
from epm.store.stored_row import StoredRow

Row = Mapping[str, object]
_ERROR_CLASSES = frozenset(error_class.value for error_class in ErrorClass)


class _PairJson(TypedDict):
    id: str
    left: dict[str, object]
    right: dict[str, object]
    gold_label: str | None
    relation: str | None
    factor: int | None
    split: str | None
    extras: dict[str, object]


def sha_of(text: str) -> str:
    """SHA-256 (hex) of ASCII text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def encode_pair(pair: Pair) -> str:
    """The pair as canonical JSON."""
    return canonical_json(
        {
            "id": pair.id, "left": _listing_fields(pair.left), "right": _listing_fields(pair.right), "gold_label": pair.gold_label,
            "relation": pair.relation, "factor": pair.factor, "split": pair.split, "extras": dict(pair.extras),
        }
    )  # fmt: skip


def decode_pair(text: str, *, sha: str | None = None) -> Pair:
    """The pair that :func:`encode_pair` wrote; with ``sha`` its text must be the one that was stored under it.

    Raises:
        DamagedRowError: it is not.
    """
    stored = StoredRow("pairs", {"pair_sha": sha, "pair_json": text}, "pair_sha")
    if sha is not None and not (stored.text("pair_json").isascii() and sha_of(text) == sha):
        raise stored.damaged("pair_json", "the text is not the one that was stored under this key")
    row = cast(_PairJson, stored.json_object("pair_json"))
    with stored.decoding("pair_json"):
        return Pair(
            row["id"], Listing(**row["left"]), Listing(**row["right"]),  # type: ignore[arg-type]  # our own encoding, field by field
            gold_label=None if row["gold_label"] is None else Label(row["gold_label"]),
            relation=None if row["relation"] is None else Relation(row["relation"]),
            factor=row["factor"], split=row["split"], extras=row["extras"],
        )  # fmt: skip


def encode_rationale(rationale: Rationale) -> str:
    """The rationale as canonical JSON."""
    return canonical_json(rationale.model_dump(mode="json"))


def encode_decision(decision: Decision) -> dict[str, object]:
    """The columns of ``decisions`` that the decision fills; the rationale itself stands in its own table."""
    return {
        "pair_id": decision.pair_id, "outcome": decision.outcome.value, "label": decision.label, "probability": decision.probability,
        "relation": decision.relation, "factor": decision.factor, "error_class": decision.error_class,
        "error": None if decision.error is None else storable(decision.error),
        "rationale_sha": None if decision.rationale is None else decision.rationale.sha(),
        "cost_usd": decision.cost_usd, "latency_s": decision.latency_s, "provenance_json": canonical_json(dict(decision.provenance)),
    }  # fmt: skip


def decode_decision(row: Row, rationale_json: object) -> Decision:
    """The decision of a ``decisions`` row with the JSON of its rationale.

    Raises:
        DamagedRowError: the row holds what cannot have been written there.
    """
    stored = StoredRow("decisions", row, "run_id", "item_id", "attempt")
    sha = stored.text_or_none("rationale_sha")
    rationale = None if sha is None else _decode_rationale(sha, rationale_json)
    with stored.decoding("outcome"):
        return Decision(
            stored.text("pair_id"), stored.one_of(Outcome, "outcome"),
            label=stored.one_of_or_none(Label, "label"), probability=stored.number_or_none("probability"),
            relation=stored.one_of_or_none(Relation, "relation"), factor=stored.integer_or_none("factor"), rationale=rationale,
            error_class=stored.one_of_or_none(ErrorClass, "error_class"), error=stored.text_or_none("error"),
            cost_usd=stored.number("cost_usd"), latency_s=stored.number("latency_s"), provenance=stored.json_object("provenance_json"),
        )  # fmt: skip


def _decode_rationale(sha: str, text: object) -> Rationale:
    stored = StoredRow("rationales", {"rationale_sha": sha, "rationale_json": text}, "rationale_sha")
    if text is None:
        raise stored.damaged("rationale_json", "a decision names this rationale, and the table does not have it")
    with stored.decoding("rationale_json"):
        rationale = Rationale.model_validate_json(stored.text("rationale_json"))
    if rationale.sha() != sha:
        raise stored.damaged("rationale_json", "the rationale is not the one that was stored under this key")
    return rationale


def encode_judgement(judgement: Judgement) -> dict[str, object]:
    """The columns of ``judgements`` that the judgement fills."""
    scores = [
        {
            "axis": s.axis, "score": s.score, "level": s.level, "reason": s.reason, "unscored_reason": s.unscored_reason,
            "error_class": s.error_class,
        }
        for s in judgement.scores
    ]  # fmt: skip
    return {
        "pair_id": judgement.pair_id, "rationale_sha": judgement.rationale_sha, "judge": judgement.judge,
        "scores_json": canonical_json(scores), "cost_usd": judgement.cost_usd, "asked": judgement.asked,
    }  # fmt: skip


def decode_judgement(row: Row) -> Judgement:
    """The judgement of a ``judgements`` row; raises like :func:`decode_decision`."""
    stored = StoredRow("judgements", row, "judgement_id")
    found = cast("list[dict[str, str]]", stored.json("scores_json"))
    with stored.decoding("scores_json"):
        scores = tuple(_axis_score(score) for score in found)
    named = stored.text("pair_id"), stored.text("rationale_sha"), stored.text("judge")
    return Judgement(*named, scores, cost_usd=stored.number("cost_usd"), asked=stored.text_or_none("asked"))


def _axis_score(score: dict[str, str]) -> AxisScore:
    """The score as it was written; an epm before schema 6 kept the error class as the first word of the reason alone."""
    name = score["error_class"] if "error_class" in score else (score["unscored_reason"] or "").partition(":")[0]
    known = ErrorClass(name) if name in _ERROR_CLASSES else None
    return AxisScore(**{**score, "axis": Axis(score["axis"]), "error_class": known})  # type: ignore[arg-type]


def encode_call(call: CallRecord) -> dict[str, object]:
    """The columns of ``calls``."""
    scope = {part.name: getattr(call.scope, part.name) for part in fields(CallScope)}
    flat = {part.name: getattr(call, part.name) for part in fields(CallRecord) if part.name not in {"scope", "usage"}}
    return {**scope, **flat, **usage_to_mapping(call.usage), "error": None if call.error is None else storable(call.error)}


def decode_call(row: Row) -> CallRecord:
    """The call of a ``calls`` row; raises like :func:`decode_decision`."""
    stored = StoredRow("calls", row, "call_id")
    for name in ("role", "key", "transport", "model_asked"):
        stored.text(name)
    for name in ("run_id", "item_id", "prompt_id", "prompt_sha", "model_answered", "error", "host", "sent"):
        stored.text_or_none(name)
    for name in ("sample_index", "attempt", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"):
        stored.integer(name)
    for name in ("latency_s", "started_at_s"):
        stored.number(name)
    stored.number_or_none("cost_usd")
    scope = CallScope(**{part.name: row[part.name] for part in fields(CallScope)})  # type: ignore[arg-type]  # our own columns
    usage = Usage(**{part.name: row[part.name] for part in fields(Usage)})  # type: ignore[arg-type]
    flat = {part.name: row[part.name] for part in fields(CallRecord) if part.name not in {"scope", "usage", "error_class"}}
    error_class = stored.one_of_or_none(ErrorClass, "error_class")
    return CallRecord(scope=scope, usage=usage, error_class=error_class, **flat)  # type: ignore[arg-type]


def decode_run(row: Row) -> RunRecord:
    """The run of a row; raises like :func:`decode_decision`."""
    stored = StoredRow("runs", row, "run_id")
    settings = stored.json_object("settings_json")
    spec = RunSpec(
        stored.text("command"), stored.text("input_sha"), stored.text("matcher"), stored.text("prompts_sha"), stored.text("model"),
        stored.integer("seed"), settings=cast("dict[str, str]", settings),
    )  # fmt: skip
    return RunRecord(
        stored.text("run_id"), spec, stored.integer("repeat"), stored.one_of(RunStatus, "status"), stored.json_object("provenance_json"),
        stored.number("created_at_s"), stored.number_or_none("finished_at_s"),
    )  # fmt: skip


def decode_kept(key: object, row_json: object) -> CachedReply:
    """The kept reply of a ``cache`` row; raises like :func:`decode_decision`."""
    stored = StoredRow("cache", {"key": key, "row_json": row_json}, "key")
    with stored.decoding("row_json"):
        return CachedReply.from_json(stored.text("row_json"))


def storable(text: str) -> str:
    """The text with what UTF-8 cannot hold, and NUL, which PostgreSQL does not keep, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _listing_fields(listing: Listing) -> dict[str, object]:
    named = {part.name: getattr(listing, part.name) for part in fields(Listing)}
    return {**named, "attributes": dict(listing.attributes), "extras": dict(listing.extras)}
