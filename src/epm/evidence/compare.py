"""Atoms of a pair: one rule for each attribute, all of them symmetric.

Missing is silence: an atom with a missing side is ``unknown``. Some such atoms are still decisive, because shops leave
out what is usual: a single unit, a new one, nothing added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from epm.evidence.atoms import Atom, Value
from epm.evidence.brand import brands_agree, is_lookalike
from epm.evidence.condition import NEW
from epm.evidence.identifiers import is_contained, is_same_stem, is_sibling
from epm.evidence.names import NameMatch, align
from epm.evidence.normalise import fold, tokens
from epm.evidence.parsed import ParsedListing
from epm.evidence.quantities import is_equal_measure
from epm.rationale import Verdict

_WEAK_PACK_RULES = frozenset({"n-pieces", "noun-n"})
_STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Compared:
    """All atoms of a pair and the alignment of the names."""

    atoms: tuple[Atom, ...]
    names: NameMatch

    def of(self, attribute: str) -> tuple[Atom, ...]:
        """The atoms of one attribute."""
        return tuple(atom for atom in self.atoms if atom.attribute == attribute)

    def verdict(self, attribute: str) -> Verdict:
        """``different`` if any atom of the attribute says so, else ``same`` if any does, else ``unknown``."""
        verdicts = {atom.verdict for atom in self.of(attribute)}
        return next((verdict for verdict in (Verdict.DIFFERENT, Verdict.SAME) if verdict in verdicts), Verdict.UNKNOWN)


def compare_parsed(left: ParsedListing, right: ParsedListing) -> Compared:
    """Every atom of a pair, in a fixed order of attributes."""
    atoms: list[Atom] = []
    for rule in (_brands, _models, _types, _generations, _compatibilities, _gtins, _part_numbers, _asins):
        atoms.extend(rule(left, right))
    atoms.extend(_sets("colour", left.of("colour"), right.of("colour"), _same_key, "colour"))
    for attribute in ("size", "capacity"):
        atoms.extend(_measures(attribute, left, right))
    for rule in (_packs, _bundles, _conditions):
        atoms.extend(rule(left, right))
    atoms.extend(_sets("region", left.of("region"), right.of("region"), _same_key, "region"))
    return Compared(tuple(atoms), align(left, right))


def _same_key(left: Value, right: Value) -> bool:
    return left.key == right.key


def _sets(
    attribute: str, left: Sequence[Value], right: Sequence[Value], is_same: Callable[[Value, Value], bool], rule: str
) -> tuple[Atom, ...]:
    """Two sets of values agree if one holds the other; leftovers on both sides are a conflict."""
    if not left or not right:
        return () if not left and not right else (Atom(attribute, _head(left), _head(right), rule, Verdict.UNKNOWN, 0.0),)
    left_rest = [a for a in left if not any(is_same(a, b) for b in right)]
    right_rest = [b for b in right if not any(is_same(b, a) for a in left)]
    if left_rest and right_rest:
        return (Atom(attribute, left_rest[0], right_rest[0], rule, Verdict.DIFFERENT, 0.9),)
    for a in left:
        for b in right:
            if is_same(a, b):
                return (Atom(attribute, a, b, rule, Verdict.SAME, 0.5),)
    return ()


def _head(values: Sequence[Value]) -> Value | None:
    return values[0] if values else None


def _brands(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = left.first("brand"), right.first("brand")
    if a is None or b is None:
        return () if a is None and b is None else (Atom("brand", a, b, "brand", Verdict.UNKNOWN, 0.0),)
    if brands_agree(a.key, b.key):
        return (Atom("brand", a, b, "brand-equal", Verdict.SAME, 0.4),)
    guessed = "lead" in {a.trust, b.trust}
    if guessed or is_lookalike(a.key, b.key) or a.key in right.grams or b.key in left.grams:
        return (Atom("brand", a, b, "brand-unsure", Verdict.UNKNOWN, 0.0),)
    return (Atom("brand", a, b, "brand-conflict", Verdict.DIFFERENT, 0.8),)


def _codes(listing: ParsedListing) -> tuple[Value, ...]:
    return (*listing.of("model"), *listing.of("mpn"))


def _models(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """Codes of both sides: shared, contained, found in the other's text, or in conflict."""
    left_codes, right_codes = _codes(left), _codes(right)
    left_rest = [v for v in left_codes if not _is_known(v, right_codes, right)]
    right_rest = [v for v in right_codes if not _is_known(v, left_codes, left)]
    found: list[Atom] = []
    shared = _shared_code(left_codes, right_codes) or _written_code(left_codes, right_codes, left, right)
    if shared is not None:
        found.append(Atom("model", *shared, "model-shared", Verdict.SAME, code_strength(shared[0].key)))
    sibling = next(((a, b) for a in left_rest for b in right_rest if is_sibling(a.key, b.key)), None)
    suffix = next(((a, b) for a in left_rest for b in right_rest if is_same_stem(a.key, b.key)), None)
    if sibling is not None:
        found.append(Atom("model", *sibling, "model-sibling", Verdict.DIFFERENT, 0.9))
    elif suffix is not None:
        found.append(Atom("model", *suffix, "model-stem", Verdict.UNKNOWN, 0.3))
    elif shared is None and left_rest and right_rest:
        found.append(Atom("model", left_rest[0], right_rest[0], "model-unrelated", Verdict.UNKNOWN, 0.5))
    elif shared is None and (left_codes or right_codes):
        found.append(Atom("model", _head(left_codes), _head(right_codes), "model-one-sided", Verdict.UNKNOWN, 0.1))
    return tuple(found)


def _shared_code(left: Sequence[Value], right: Sequence[Value]) -> tuple[Value, Value] | None:
    pairs = [(a, b) for a in left for b in right if a.key == b.key or is_contained(a.key, b.key)]
    return max(pairs, key=lambda pair: (min(len(pair[0].key), len(pair[1].key)), -pair[0].start - pair[1].start), default=None)


def _written_code(
    left_codes: Sequence[Value], right_codes: Sequence[Value], left: ParsedListing, right: ParsedListing
) -> tuple[Value, Value] | None:
    """A code of one side that the other's title writes as several words (``SD790IS``, ``SD790 IS``)."""
    pairs = [(a, b) for a in left_codes if (b := _find_written(right, a)) is not None]
    pairs += [(a, b) for b in right_codes if (a := _find_written(left, b)) is not None]
    return max(pairs, key=lambda pair: (len(pair[0].key), -pair[0].start - pair[1].start), default=None)


def _find_written(listing: ParsedListing, code: Value) -> Value | None:
    title = listing.title
    if title is None or code.key not in listing.grams:
        return None
    for first, word in enumerate(title.words):
        joined = ""
        for last in title.words[first : first + 3] if code.key.startswith(word.key) else ():
            joined += last.key
            if joined == code.key:
                return title.value("model", code.key, (word.start, last.end), "code-written")
    return None


def code_strength(key: str) -> float:
    """How surely a shared code names one product, in [0, 1]: by its length and its digits."""
    n_digits = sum(c.isdigit() for c in key)
    return min(1.0, 0.1 * len(key) + 0.1 * min(n_digits, 4))


def _is_known(value: Value, others: Sequence[Value], other: ParsedListing) -> bool:
    if value.key in other.grams or value.key in other.description_grams:
        return True
    return any(value.key == b.key or is_contained(value.key, b.key) for b in others)


def _types(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = left.of("type"), right.of("type")
    shared = next(((x, y) for x in a for y in b if x.key == y.key), None)
    if shared is not None:
        return (Atom("type", *shared, "type-equal", Verdict.SAME, 0.2),)
    if a and b:
        return (Atom("type", a[-1], b[-1], "type-other", Verdict.UNKNOWN, 0.4),)
    return (Atom("type", _head(a), _head(b), "type-one-sided", Verdict.UNKNOWN, 0.0),) if a or b else ()


def _generations(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    found: list[Atom] = []
    for kind in ("gen ", "year "):
        a = [v for v in left.of("generation") if v.key.startswith(kind)]
        b = [v for v in right.of("generation") if v.key.startswith(kind)]
        found.extend(_sets("generation", a, b, _same_key, f"generation-{kind.strip()}"))
    return tuple(found)


def _entity_keys(listing: ParsedListing) -> frozenset[str]:
    brand = listing.first("brand")
    return frozenset(v.key for v in _codes(listing)) | {word.key for word in listing.names} | ({brand.key} if brand else set())


def _names_entity(target: Value, other: ParsedListing) -> bool:
    keys = [token.key for token in tokens(fold("", target.key))]
    grams = {*keys, *("".join(keys[i : i + n]) for n in (2, 3) for i in range(len(keys)))}
    return bool(grams & _entity_keys(other))


def _compatibilities(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = _target(left, right), _target(right, left)
    if a is None and b is None:
        return ()
    if a is not None and b is not None:
        left_keys, right_keys = ({t.key for t in tokens(fold("", v.key))} for v in (a, b))
        return (Atom("compatibility", a, b, "target", _target_verdict(left_keys, right_keys), 0.3),)
    value, other = (a, right) if a is not None else (b, left)
    types = {v.key for v in left.of("type")} & {v.key for v in right.of("type")}
    is_decisive = value is not None and _names_entity(value, other) and (value.trust == _STRONG or not types)
    return (Atom("compatibility", a, b, "accessory", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)


def _target_verdict(left: set[str], right: set[str]) -> Verdict:
    if left <= right or right <= left:
        return Verdict.SAME
    left_numbers, right_numbers = ({key for key in side if any(c.isdigit() for c in key)} for side in (left, right))
    is_conflict = bool(left_numbers) and bool(right_numbers) and not left_numbers & right_numbers
    return Verdict.DIFFERENT if is_conflict else Verdict.UNKNOWN


def _target(listing: ParsedListing, other: ParsedListing) -> Value | None:
    found = listing.of("compatibility")
    return next((v for v in found if v.trust == _STRONG or _names_entity(v, other)), None)


def _gtins(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = left.of("gtin"), right.of("gtin")
    if not a or not b:
        return _sets("gtin", a, b, _same_key, "gtin")
    shared = next(((x, y) for x in a for y in b if x.key == y.key and x.trust == "valid"), None)
    if shared is not None:
        return (Atom("gtin", *shared, "gtin-equal", Verdict.SAME, 1.0),)
    if {v.trust for v in (*a, *b)} == {"valid"}:
        return (Atom("gtin", a[0], b[0], "gtin-conflict", Verdict.DIFFERENT, 0.9),)
    return (Atom("gtin", a[0], b[0], "gtin-untrusted", Verdict.UNKNOWN, 0.0),)


def _part_numbers(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The mpn fields, or one of them against the codes of the other's title."""
    a, b = left.of("mpn"), right.of("mpn")
    if not a and not b:
        return ()
    shared = _shared_code(a or left.of("model"), b or right.of("model"))
    if shared is not None:
        rule = "mpn-equal" if shared[0].key == shared[1].key else "mpn-contained"
        return (Atom("mpn", *shared, rule, Verdict.SAME, 0.8),)
    if a and b:
        conflict = is_sibling(a[0].key, b[0].key)
        return (
            Atom("mpn", a[0], b[0], "mpn-sibling" if conflict else "mpn-other", Verdict.DIFFERENT if conflict else Verdict.UNKNOWN, 0.6),
        )
    return (Atom("mpn", _head(a), _head(b), "mpn-one-sided", Verdict.UNKNOWN, 0.0),)


def _asins(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    found = _sets("asin", left.of("asin"), right.of("asin"), _same_key, "asin")
    # One product may carry several ASINs, so inequality refutes nothing.
    return tuple(Atom("asin", x.left, x.right, x.rule, Verdict.UNKNOWN, 0.0) if x.verdict is Verdict.DIFFERENT else x for x in found)


def _measures(attribute: str, left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    dimensions = sorted({v.dimension for v in (*left.of(attribute), *right.of(attribute))})
    found: list[Atom] = []
    for dimension in dimensions:
        a, b = ([v for v in side.of(attribute) if v.dimension == dimension] for side in (left, right))
        found.extend(_sets(attribute, a, b, is_equal_measure, f"{attribute}-{dimension}"))
    return tuple(found)


def _pack(listing: ParsedListing) -> Value | None:
    return max(listing.of("pack"), key=lambda value: (value.amount or 0, -value.start), default=None)


def _packs(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = _pack(left), _pack(right)
    if a is None and b is None:
        return ()
    if a is not None and b is not None:
        return (Atom("pack", a, b, "pack-both", Verdict.SAME if a.key == b.key else Verdict.DIFFERENT, 0.8),)
    value = a if a is not None else b
    is_decisive = value is not None and value.key != "1" and value.rule not in _WEAK_PACK_RULES
    return (Atom("pack", a, b, "pack-one-sided", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)


def _bundles(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = _part(left), _part(right)
    if a is not None and b is not None:
        left_keys, right_keys = ({t.key for t in tokens(fold("", v.key))} for v in (a, b))
        return (Atom("bundle", a, b, "bundle-both", Verdict.SAME if left_keys & right_keys else Verdict.UNKNOWN, 0.5),)
    value, other = (a, right) if a is not None else (b, left)
    if value is None:
        return ()
    words = [t.key for t in tokens(fold("", value.key))]
    is_decisive = value.trust == _STRONG and not (words and set(words) <= other.grams)
    return (Atom("bundle", a, b, "bundle-one-sided", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)


def _part(listing: ParsedListing) -> Value | None:
    found = listing.of("bundle")
    return next((v for v in found if v.trust == _STRONG), found[0] if found else None)


def _conditions(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    a, b = (next((v for v in side.of("condition") if v.key != NEW), side.first("condition")) for side in (left, right))
    if a is None and b is None:
        return ()
    if a is not None and b is not None:
        return (Atom("condition", a, b, "condition-both", Verdict.SAME if a.key == b.key else Verdict.DIFFERENT, 0.8),)
    value = a if a is not None else b
    is_decisive = value is not None and value.key != NEW
    return (Atom("condition", a, b, "condition-one-sided", Verdict.UNKNOWN, 0.8 if is_decisive else 0.0, is_decisive),)
