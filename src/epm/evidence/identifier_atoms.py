"""GTINs, part numbers and ASINs of a pair. Only trusted GTINs and part numbers of one format can refute."""

from __future__ import annotations

from epm.evidence.atoms import Atom, Value
from epm.evidence.gtins import inner_item
from epm.evidence.identifiers import is_contained, is_same_shape, is_sibling
from epm.evidence.parsed import ParsedListing
from epm.evidence.value_sets import same_key, value_sets
from epm.rationale import Verdict

_AGREEING = ({"valid"}, {"valid", "bare"})


def gtin_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The GTINs: valid ones agree or conflict; a bare digit run agrees with a valid one, for twelve equal digits are no chance."""
    a, b = left.of("gtin"), right.of("gtin")
    if not a or not b:
        return value_sets("gtin", a, b, same_key, "gtin")
    shared = next(((x, y) for x in a for y in b if x.key == y.key and {x.trust, y.trust} in _AGREEING), None)
    if shared is not None:
        return (Atom("gtin", *shared, "gtin-equal", Verdict.SAME, 1.0),)
    case = next(((x, y) for x in a for y in b if _is_case_of(x, y) or _is_case_of(y, x)), None)
    if case is not None:
        return (Atom("gtin", *case, "gtin-case", Verdict.UNKNOWN, 0.8),)
    if {v.trust for v in (*a, *b)} == {"valid"}:
        return (Atom("gtin", a[0], b[0], "gtin-conflict", Verdict.DIFFERENT, 0.9),)
    return (Atom("gtin", a[0], b[0], "gtin-untrusted", Verdict.UNKNOWN, 0.0),)


def _is_case_of(case: Value, item: Value) -> bool:
    """True if one GTIN stands for a case of the other's item: the same goods in another quantity."""
    return case.trust == item.trust == "valid" and inner_item(case.key) == item.key


def part_number_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The part-number fields; two numbers conflict only when they follow one numbering format."""
    a, b = left.first("mpn"), right.first("mpn")
    if a is None and b is None:
        return ()
    if a is None or b is None:
        return (Atom("mpn", a, b, "mpn-one-sided", Verdict.UNKNOWN, 0.0),)
    if a.key == b.key or is_contained(a.key, b.key):
        return (Atom("mpn", a, b, "mpn-equal" if a.key == b.key else "mpn-contained", Verdict.SAME, 0.8),)
    is_conflict = is_same_shape(a.span.quote, b.span.quote) or is_sibling(a.key, b.key)
    return (Atom("mpn", a, b, "mpn-conflict" if is_conflict else "mpn-other", Verdict.DIFFERENT if is_conflict else Verdict.UNKNOWN, 0.6),)


def asin_atoms(left: ParsedListing, right: ParsedListing) -> tuple[Atom, ...]:
    """The ASINs: equality agrees, inequality refutes nothing."""
    found = value_sets("asin", left.of("asin"), right.of("asin"), same_key, "asin")
    # One product may carry several ASINs, so inequality refutes nothing.
    return tuple(Atom("asin", x.left, x.right, x.rule, Verdict.UNKNOWN, 0.0) if x.verdict is Verdict.DIFFERENT else x for x in found)
