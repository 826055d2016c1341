"""A second opinion on verdicts from the evidence engine's readings: other words for one value, and other values.

Softer than ``plausibility``: the engine can be wrong, so its disagreement costs half a level's worth and never vetoes.
"""

from __future__ import annotations

from collections.abc import Iterator

from epm.evidence.engine import read_listing
from epm.evidence.parsed import ParsedListing
from epm.judges.faults import Fault
from epm.judges.plausibility import Likeness
from epm.pair import Pair
from epm.rationale import Axis, Comparison, Rationale, Verdict

_READ = frozenset({"brand", "model", "generation", "gtin", "mpn", "asin", "colour", "size", "capacity", "pack", "condition", "region"})
_OPEN_WHEN_OTHER = frozenset({"brand", "model", "mpn", "size"})
"""Two readings of these can both be right: brands have other names, products several codes and several measures."""


def second_reading_faults(pair: Pair, rationale: Rationale) -> Iterator[Fault]:
    """One fault for each two-sided cell whose verdict the engine's readings of the same quotes speak against."""
    left, right = read_listing(pair.left), read_listing(pair.right)
    for axis in Axis:
        for cell in rationale.finding(axis).comparisons:
            likeness = _likeness(cell, left, right)
            if (likeness is Likeness.EQUAL and cell.verdict is Verdict.DIFFERENT) or (
                likeness is Likeness.UNEQUAL and cell.verdict is Verdict.SAME
            ):
                reason = f"{cell.attribute} {(cell.left or '')[:40]!r} and {(cell.right or '')[:40]!r} read as {likeness}, yet called {cell.verdict}"
                yield Fault(axis, "partial", "second reading", reason)


def _likeness(cell: Comparison, left: ParsedListing, right: ParsedListing) -> Likeness:
    attribute = cell.attribute.casefold()
    if cell.left is None or cell.right is None:
        return Likeness.OPEN
    if attribute == "name":
        return _name_likeness(cell.left, cell.right)
    if attribute not in _READ:
        return Likeness.OPEN
    keys_left, keys_right = _keys(left, attribute, cell.left), _keys(right, attribute, cell.right)
    if not keys_left or not keys_right:
        return Likeness.OPEN
    if keys_left & keys_right:
        return Likeness.EQUAL
    return Likeness.OPEN if attribute in _OPEN_WHEN_OTHER else Likeness.UNEQUAL


def _keys(parsed: ParsedListing, attribute: str, quote: str) -> frozenset[str]:
    return frozenset(value.key for value in parsed.of(attribute) if value.span.quote in quote or quote in value.span.quote)


def _name_likeness(left: str, right: str) -> Likeness:
    words_left, words_right = set(left.casefold().split()), set(right.casefold().split())
    if words_left == words_right:
        return Likeness.EQUAL
    shared = any(a in b or b in a for a in words_left for b in words_right)
    return Likeness.OPEN if shared else Likeness.UNEQUAL
