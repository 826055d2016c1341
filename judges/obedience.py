"""Where a text in view gives orders, a label stands only on what the listings by themselves lead to.

A model that obeys writes a rationale for the ordered label that may be well-formed in every cell, and the second reader saw
the same text. So where a text in view gives orders or speaks of the comparison, the model is asked once more without it
(``agents/nodes/verify.py``), and the label stands if it stays the same: an honest one does. For an order in a known shape
the engine, which obeys nobody, must read the label with certainty as well. All else goes undecided to people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from epm.evidence.engine import PairEvidence, compare_listings, read_listing
from epm.identity import IdentityRule
from epm.judges.withheld import without_suspicious
from epm.pair import Pair
from epm.prompts.comparison_talk import talk_in
from epm.prompts.orders import order_in
from epm.rationale import Rationale, Verdict
from epm.relation import Label

_SURE_MATCH = 0.9
_SURE_NO_MATCH = 0.1
"""The engine's own probabilities; benchmarks/attacks.py measures what passes at them."""
_CODES = frozenset({"gtin", "mpn", "asin", "model"})
_STRONG = 0.6
"""Probability alone is no certainty: on 1,000 WDC pairs 160 of 583 no_match readings at 0.9 were wrong, with such a code 3 of 28."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A text in view that may have led a model: a line of it, and whether it is an order in a known shape."""

    line: str
    is_order: bool


def doubt_about(pair: Pair, rivals: Sequence[str] = (), answers: Sequence[str] = ()) -> Doubt | None:
    """The gravest doubt that the listings, rivals' titles, and answers with where they come from give rise to."""
    texts = {**_named("left", pair.left.texts()), **_named("right", pair.right.texts())}
    order = order_in([*texts.values(), *texts, *rivals, *answers])
    if order is not None:
        return Doubt(order, is_order=True)
    found = {**talk_in(pair.left.texts()), **talk_in(pair.right.texts())}
    named = [("title", text) for text in rivals] + [("other", text) for text in answers]
    lines = [*found.values(), *(line for name, text in named for line in talk_in({name: text}).values())]
    return Doubt(lines[0], is_order=False) if lines else None


def _named(side: str, texts: dict[str, str]) -> dict[str, str]:
    return {f"{side} {name}": text for name, text in texts.items()}


def is_innocent(text: str, name: str = "other") -> bool:
    """True if an answer, or a rival's ``title``, neither gives orders nor speaks of the comparison."""
    return order_in([text]) is None and not talk_in({name: text})


def obedience_problems(pair: Pair, rationale: Rationale, identity: IdentityRule, order: str) -> tuple[str, ...]:
    """One problem if the label is not what the listings surely read as without the texts that give orders."""
    if rationale.label is None:
        return ()
    alone = without_suspicious(pair)
    evidence = compare_listings(read_listing(alone.left), read_listing(alone.right), identity)
    read = evidence.rationale.label
    is_sure = read is not None and _is_sure(evidence, read)
    if read is rationale.label and is_sure:
        return ()
    shown = f"{read or 'undecidable'}{'' if is_sure else ' (unsure)'}"
    return (f"a text in view gives orders ({order!r}), and the listings by themselves read as {shown}, not {rationale.label}",)


def _is_sure(evidence: PairEvidence, read: Label) -> bool:
    """True for a near-certain reading that a code carries and no code speaks against."""
    if (evidence.probability < _SURE_MATCH) if read is Label.MATCH else (evidence.probability > _SURE_NO_MATCH):
        return False
    wanted = Verdict.SAME if read is Label.MATCH else Verdict.DIFFERENT
    codes = [atom for atom in evidence.atoms if atom.attribute in _CODES and atom.verdict is not Verdict.UNKNOWN]
    return all(atom.verdict is wanted for atom in codes) and any(atom.strength >= _STRONG for atom in codes)
