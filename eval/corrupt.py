"""Corrupted rationales with a known axis that must fall, to measure judges.

Each harmful corruption tells one lie and keeps the rest of the rationale coherent with it (an axis verdict follows its
cells), so that only a reader of the listings finds it. Each harmless one keeps the meaning, so no axis may fall. The
generator is deterministic by seed and pair id, and on purpose shares no code with judges or the evidence engine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation


class Corruption(StrEnum):
    """What was done to a rationale."""

    FABRICATED_QUOTE = "fabricated_quote"
    OTHER_SIDE_QUOTE = "other_side_quote"
    FLIPPED_CELL = "flipped_cell"
    IDENTIFIER_DIGIT = "identifier_digit"
    FLIPPED_LABEL = "flipped_label"
    REPLACED_RELATION = "replaced_relation"
    OTHER_PAIR_CELLS = "other_pair_cells"
    EMPTIED_AXIS = "emptied_axis"
    CELL_ORDER = "cell_order"
    ATTRIBUTE_CASE = "attribute_case"

    @property
    def is_harmless(self) -> bool:
        """True for the two that keep the meaning."""
        return self in {Corruption.CELL_ORDER, Corruption.ATTRIBUTE_CASE}


@dataclass(frozen=True, slots=True)
class Corrupted:
    """A corrupted rationale and the axis whose score must fall; ``axis`` is ``None`` for harmless ones."""

    corruption: Corruption
    axis: Axis | None
    rationale: Rationale


@dataclass(frozen=True, slots=True)
class _Source:
    pair: Pair
    rationale: Rationale
    others: Sequence[Rationale]
    rng: random.Random


def corrupt(pair: Pair, rationale: Rationale, *, seed: int, others: Sequence[Rationale] = ()) -> list[Corrupted]:
    """Every corruption that applies to the rationale, at most one of each kind, in the order of ``Corruption``.

    Args:
        pair: the pair that the rationale is about.
        rationale: a sound rationale with verbatim quotes.
        seed: with the pair's id, decides everything random.
        others: rationales of other pairs, for ``other_pair_cells``.
    """
    made = (_MAKERS[kind](_Source(pair, rationale, others, random.Random(f"{seed}:{pair.id}:{kind}"))) for kind in Corruption)
    return [corrupted for corrupted in made if corrupted is not None and corrupted.rationale != rationale]


def _fabricated_quote(source: _Source) -> Corrupted | None:
    def lie(cell: Comparison) -> list[Comparison]:
        found = []
        for side in ("left", "right"):
            if getattr(cell, side) is not None:
                invented = _invented(source, _text(getattr(source.pair, side)))
                found.append(cell.model_copy(update={side: invented}))
        return found

    return _change_one_cell(source, Corruption.FABRICATED_QUOTE, tuple(Axis), lie)


def _other_side_quote(source: _Source) -> Corrupted | None:
    def lie(cell: Comparison) -> list[Comparison]:
        found = []
        if cell.right is not None and _squashed(cell.right) not in _squashed(_text(source.pair.left)):
            found.append(cell.model_copy(update={"left": cell.right, "verdict": Verdict.SAME}))
        if cell.left is not None and _squashed(cell.left) not in _squashed(_text(source.pair.right)):
            found.append(cell.model_copy(update={"right": cell.left, "verdict": Verdict.SAME}))
        return found

    return _change_one_cell(source, Corruption.OTHER_SIDE_QUOTE, tuple(Axis), lie)


def _flipped_cell(source: _Source) -> Corrupted | None:
    flipped = {Verdict.SAME: Verdict.DIFFERENT, Verdict.DIFFERENT: Verdict.SAME}

    def lie(cell: Comparison) -> list[Comparison]:
        return [cell.model_copy(update={"verdict": flipped[cell.verdict]})] if cell.verdict in flipped else []

    return _change_one_cell(source, Corruption.FLIPPED_CELL, tuple(Axis), lie)


def _identifier_digit(source: _Source) -> Corrupted | None:
    def lie(cell: Comparison) -> list[Comparison]:
        found = []
        for side in ("left", "right"):
            quote = getattr(cell, side)
            places = [i for i, char in enumerate(quote or "") if char.isascii() and char.isdigit()]
            if places:
                place = source.rng.choice(places)
                digit = (int(quote[place]) + source.rng.randint(1, 9)) % 10
                changed = f"{quote[:place]}{digit}{quote[place + 1 :]}"
                if changed not in _text(getattr(source.pair, side)):
                    found.append(cell.model_copy(update={side: changed}))
        return found

    return _change_one_cell(source, Corruption.IDENTIFIER_DIGIT, (Axis.IDENTIFIER,), lie)


def _flipped_label(source: _Source) -> Corrupted | None:
    rationale = source.rationale
    if rationale.label is None:
        return None
    is_match = rationale.label is Label.MATCH
    label, relation = (Label.NO_MATCH, Relation.DIFFERENT) if is_match else (Label.MATCH, Relation.EXACT)
    lied = rationale.model_copy(update={"label": label, "relation": relation, "factor": None})
    return Corrupted(Corruption.FLIPPED_LABEL, _decisive_axis(rationale), lied)


def _replaced_relation(source: _Source) -> Corrupted | None:
    rationale = source.rationale
    if rationale.label is not Label.NO_MATCH:
        return None
    variant_like = [Relation.VARIANT, Relation.CONDITION, Relation.BUNDLE_OF]
    replaceable = [Relation.DIFFERENT] if rationale.relation is not Relation.DIFFERENT else variant_like
    lied = rationale.model_copy(update={"relation": source.rng.choice(replaceable), "factor": None})
    axis = Axis.CORE if lied.relation is Relation.DIFFERENT and rationale.core.verdict is not Verdict.DIFFERENT else Axis.VARIANT
    return Corrupted(Corruption.REPLACED_RELATION, axis, lied)


def _other_pair_cells(source: _Source) -> Corrupted | None:
    choices = [
        (axis, other.finding(axis))
        for axis in Axis
        for other in source.others
        if any(_is_foreign(source.pair, cell) for cell in other.finding(axis).comparisons)
    ]
    if not choices:
        return None
    axis, finding = source.rng.choice(choices)
    return Corrupted(Corruption.OTHER_PAIR_CELLS, axis, source.rationale.model_copy(update={axis.value: finding}))


def _emptied_axis(source: _Source) -> Corrupted | None:
    claims = [a for a in Axis if (f := source.rationale.finding(a)).comparisons and f.verdict is not Verdict.UNKNOWN]
    if not claims:
        return None
    axis = source.rng.choice(claims)
    emptied = source.rationale.finding(axis).model_copy(update={"comparisons": ()})
    return Corrupted(Corruption.EMPTIED_AXIS, axis, source.rationale.model_copy(update={axis.value: emptied}))


def _cell_order(source: _Source) -> Corrupted | None:
    return Corrupted(Corruption.CELL_ORDER, None, _change_cells(source.rationale, lambda cells: cells[::-1]))


def _attribute_case(source: _Source) -> Corrupted | None:
    def shout(cells: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
        return tuple(cell.model_copy(update={"attribute": cell.attribute.upper()}) for cell in cells)

    return Corrupted(Corruption.ATTRIBUTE_CASE, None, _change_cells(source.rationale, shout))


_MAKERS: dict[Corruption, Callable[[_Source], Corrupted | None]] = {
    Corruption.FABRICATED_QUOTE: _fabricated_quote,
    Corruption.OTHER_SIDE_QUOTE: _other_side_quote,
    Corruption.FLIPPED_CELL: _flipped_cell,
    Corruption.IDENTIFIER_DIGIT: _identifier_digit,
    Corruption.FLIPPED_LABEL: _flipped_label,
    Corruption.REPLACED_RELATION: _replaced_relation,
    Corruption.OTHER_PAIR_CELLS: _other_pair_cells,
    Corruption.EMPTIED_AXIS: _emptied_axis,
    Corruption.CELL_ORDER: _cell_order,
    Corruption.ATTRIBUTE_CASE: _attribute_case,
}


def _change_one_cell(
    source: _Source, kind: Corruption, axes: Sequence[Axis], lie: Callable[[Comparison], list[Comparison]]
) -> Corrupted | None:
    lies = [(axis, i, told) for axis in axes for i, cell in enumerate(source.rationale.finding(axis).comparisons) for told in lie(cell)]
    if not lies:
        return None
    axis, i, told = source.rng.choice(lies)
    cells = list(source.rationale.finding(axis).comparisons)
    cells[i] = told
    finding = AxisFinding(comparisons=tuple(cells), verdict=_axis_verdict(cells))
    return Corrupted(kind, axis, source.rationale.model_copy(update={axis.value: finding}))


def _axis_verdict(cells: Sequence[Comparison]) -> Verdict:
    verdicts = {cell.verdict for cell in cells}
    return next((v for v in (Verdict.DIFFERENT, Verdict.SAME) if v in verdicts), Verdict.UNKNOWN)


def _decisive_axis(rationale: Rationale) -> Axis:
    return next((axis for axis in Axis if rationale.finding(axis).verdict is Verdict.DIFFERENT), Axis.CORE)


def _change_cells(rationale: Rationale, change: Callable[[tuple[Comparison, ...]], tuple[Comparison, ...]]) -> Rationale:
    findings = {axis.value: rationale.finding(axis) for axis in Axis}
    return rationale.model_copy(update={a: f.model_copy(update={"comparisons": change(f.comparisons)}) for a, f in findings.items()})


def _is_foreign(pair: Pair, cell: Comparison) -> bool:
    left, right = _text(pair.left), _text(pair.right)
    return (cell.left is not None and cell.left not in left) or (cell.right is not None and cell.right not in right)


def _text(listing: Listing) -> str:
    return "\n".join(listing.texts().values())


def _squashed(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _invented(source: _Source, text: str) -> str:
    while True:
        invented = "".join(source.rng.choice("bdfgklmnprstvz") + source.rng.choice("aeiou") for _ in range(4)).capitalize()
        if invented not in text:
            return invented
