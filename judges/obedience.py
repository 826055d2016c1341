"""Where a text in view gives orders, a label stands only on what the listings surely read as by themselves.

A model that obeys writes a rationale for the ordered label that may be well-formed in every cell, and the second reader saw
the same text. The engine obeys nobody: a label is believed only where the engine reads it with certainty, from the texts
without those that give the order. All else goes undecided to people: a listing with orders in it is no ordinary one.
"""

from __future__ import annotations

from epm.evidence.engine import PairEvidence, compare_listings, read_texts
from epm.identity import IdentityRule
from epm.listing import Listing
from epm.pair import Pair
from epm.prompts.orders import order_in
from epm.rationale import Rationale, Verdict
from epm.relation import Label

_SURE_MATCH = 0.9
_SURE_NO_MATCH = 0.1
"""The engine's own probabilities; benchmarks/attacks.py measures what passes at them."""
_CODES = frozenset({"gtin", "mpn", "asin", "model"})
_STRONG = 0.6
"""Probability alone is no certainty: on 1,000 WDC pairs 160 of 583 no_match readings at 0.9 were wrong, with such a code 3 of 28."""


def obedience_problems(pair: Pair, rationale: Rationale, identity: IdentityRule, order: str) -> tuple[str, ...]:
    """One problem if the label is not what the listings surely read as without the texts that give orders."""
    if rationale.label is None:
        return ()
    left, right = (read_texts(_innocent(listing)) for listing in (pair.left, pair.right))
    evidence = compare_listings(left, right, identity)
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


def _innocent(listing: Listing) -> dict[str, str]:
    return {name: text for name, text in listing.texts().items() if name == "title" or order_in([text]) is None}
