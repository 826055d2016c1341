"""Sizes, packs, bundles and conditions of a pair: what one side leaves out may still decide, because shops leave out the usual."""

from __future__ import annotations

from collections.abc import Sequence

from epm.evidence.atoms import Atom, Value
from epm.evidence.condition import NEW
from epm.evidence.normalise import fold, tokens
from epm.evidence.parsed import ParsedListing
from epm.evidence.quantities import as_fluid, is_equal_measure
from epm.evidence.value_sets import STRONG, same_key, value_sets
from epm.evidence.words import find_phrases
from epm.rationale import Verdict

_MAX_PART_WORDS = 3


def named_atoms(attribute: str, left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """An attribute whose values are words, such as the colour."""
    return value_sets(attribute, left.of(attribute), right.of(attribute), same_key, attribute)


def region_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """One atom for the markets and one for the languages that a side names: plug and keyboard do not contradict each other."""
    found: list[Atom] = []
    for dimension in ("market", "language"):
        a, b = ([v for v in side.of("region") if v.dimension == dimension] for side in (left, right))
        found.extend(value_sets("region", a, b, _is_same_region, "region"))
    return tuple(found)


def _is_same_region(left: Value, right: Value) -> bool:
    return left.key == right.key or {left.key, right.key} == {"en", "qwerty"}


def measure_atoms(attribute: str, left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """One atom for each dimension of a measured attribute that a side states."""
    sides = _fluid_beside(left.of(attribute), right.of(attribute))
    dimensions = sorted({v.dimension for side in sides for v in side})
    found: list[Atom] = []
    for dimension in dimensions:
        a, b = ([v for v in side if v.dimension == dimension] for side in sides)
        found.extend(value_sets(attribute, a, b, is_equal_measure, f"{attribute}-{dimension}"))
    return tuple(found)


def _fluid_beside(left: Sequence[Value], right: Sequence[Value]) -> tuple[Sequence[Value], Sequence[Value]]:
    """The values of both sides; ounces of a side that states masses only are fluid where the other states volumes only."""
    a, b = ({v.dimension for v in side} & {"mass", "volume"} for side in (left, right))
    if (a, b) == ({"mass"}, {"volume"}):
        return [as_fluid(v) for v in left], right
    return (left, [as_fluid(v) for v in right]) if (a, b) == ({"volume"}, {"mass"}) else (left, right)


def _pack(listing: ParsedListing) -> Value | None:
    return max(listing.of("pack"), key=lambda value: (value.amount or 0, -value.start), default=None)


def pack_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The pack counts; a pack against silence decides, because a single unit goes without saying."""
    a, b = _pack(left), _pack(right)
    if a is None and b is None:
        return ()
    if a is not None and b is not None:
        return (Atom("pack", a, b, "pack-both", Verdict.SAME if a.key == b.key else Verdict.DIFFERENT, 0.8),)
    value = a if a is not None else b
    is_decisive = value is not None and value.key != "1"
    return (Atom("pack", a, b, "pack-one-sided", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)


def bundle_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """What is added on either side; an addition that the other side never mentions decides."""
    a, b = _part(left), _part(right)
    if a is not None and b is not None:
        left_keys, right_keys = ({t.key for t in tokens(fold("", v.key))} for v in (a, b))
        return (Atom("bundle", a, b, "bundle-both", Verdict.SAME if left_keys & right_keys else Verdict.UNKNOWN, 0.5),)
    value, other = (a, right) if a is not None else (b, left)
    if value is None:
        return ()
    words = [t.key for t in tokens(fold("", value.key))]
    is_thing = value.rule == "bundle-with" and 0 < len(words) <= _MAX_PART_WORDS and words[0] not in other.grams
    is_decisive = (value.trust == STRONG and not (words and set(words) <= other.grams)) or (
        is_thing and _is_one_thing([w for w in words if w not in other.grams])
    )
    return (Atom("bundle", a, b, "bundle-one-sided", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)


def _is_one_thing(words: list[str]) -> bool:
    """True if the words name a product that can lie in the box: "with case" adds one, "with 9 programs" does not."""
    if len(words) == 1:
        return words[0].isalpha()
    return any(phrase.kind == "type" for phrase in find_phrases(tokens(fold("", " ".join(words)))))


def _part(listing: ParsedListing) -> Value | None:
    found = listing.of("bundle")
    return next((v for v in found if v.trust == STRONG), found[0] if found else None)


def condition_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The conditions; used against silence decides, because new goes without saying."""
    a, b = (next((v for v in side.of("condition") if v.key != NEW), side.first("condition")) for side in (left, right))
    if a is None and b is None:
        return ()
    if a is not None and b is not None:
        return (Atom("condition", a, b, "condition-both", Verdict.SAME if a.key == b.key else Verdict.DIFFERENT, 0.8),)
    value = a if a is not None else b
    is_decisive = value is not None and value.key != NEW
    return (Atom("condition", a, b, "condition-one-sided", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)
