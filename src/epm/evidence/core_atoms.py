"""Brand, type and generation of a pair."""

from __future__ import annotations

from epm.evidence.atoms import Atom, Value
from epm.evidence.brand import brands_agree, is_lookalike
from epm.evidence.names import are_alternatives, is_kind_of
from epm.evidence.parsed import ParsedListing
from epm.evidence.value_sets import find_written, head, same_key, value_sets
from epm.rationale import Verdict

GUESS = "lead"


def brand_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The brands: equal or written in the other title, in conflict when both are certain, else unknown."""
    a, b = left.first("brand"), right.first("brand")
    if a is None or b is None:
        return () if a is None and b is None else (Atom("brand", a, b, "brand", Verdict.UNKNOWN, 0.0),)
    shared = _shared_brand(a, b, left, right)
    if shared is not None:
        return (Atom("brand", *shared, "brand-equal", Verdict.SAME, 0.4),)
    if is_lookalike(a.key, b.key):
        return (Atom("brand", a, b, "brand-lookalike", Verdict.UNKNOWN, 0.0),)
    guesses = [a.trust, b.trust].count(GUESS)
    if guesses:
        rule = "brand-guess-differs" if guesses > 1 else "brand-absent"
        return (Atom("brand", a, b, rule, Verdict.UNKNOWN, 0.3),)
    return (Atom("brand", a, b, "brand-conflict", Verdict.DIFFERENT, 0.8),)


def _shared_brand(a: Value, b: Value, left: ParsedListing, right: ParsedListing) -> tuple[Value, Value] | None:
    """The brand on both sides; one side's brand may stand anywhere in the other's title, a guess only against a guess."""
    if a.key == b.key or (brands_agree(a.key, b.key) and GUESS not in {a.trust, b.trust}):
        return a, b
    found: list[tuple[Value, Value]] = []
    in_right, in_left = find_written(right, a.key, "brand"), find_written(left, b.key, "brand")
    if in_right is not None and (a.trust != GUESS or b.trust == GUESS):
        found.append((a, in_right))
    if in_left is not None and (b.trust != GUESS or a.trust == GUESS):
        found.append((in_left, b))
    whole = max(found, key=lambda pair: len(pair[0].key) + len(pair[1].key), default=None)
    return whole or ((a, b) if brands_agree(a.key, b.key) else None)


def type_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The product types by the multilingual type table."""
    a, b = left.of("type"), right.of("type")
    shared = next(((x, y) for x in a for y in b if x.key == y.key), None)
    if shared is not None:
        return (Atom("type", *shared, "type-equal", Verdict.SAME, 0.2),)
    rivals = next(((x, y) for x in a for y in b if are_alternatives(x.key, y.key)), None)
    if rivals is not None:
        return (Atom("type", *rivals, "type-alternative", Verdict.DIFFERENT, 0.7),)
    kind = next(((x, y) for x in a for y in b if is_kind_of(x.key, y.key) or is_kind_of(y.key, x.key)), None)
    if kind is not None:
        return (Atom("type", *kind, "type-kind", Verdict.SAME, 0.2),)
    if a and b:
        return (Atom("type", a[-1], b[-1], "type-other", Verdict.UNKNOWN, 0.4),)
    return (Atom("type", head(a), head(b), "type-one-sided", Verdict.UNKNOWN, 0.0),) if a or b else ()


def generation_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """Generations and model years."""
    found: list[Atom] = []
    for kind in ("gen ", "year "):
        a = [v for v in left.of("generation") if v.key.startswith(kind)]
        b = [v for v in right.of("generation") if v.key.startswith(kind)]
        found.extend(value_sets("generation", a, b, same_key, f"generation-{kind.strip()}"))
    return tuple(found)
