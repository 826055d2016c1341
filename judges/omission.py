"""Nothing decisive is left out: what both listings state, the rationale uses.

What the listings state is read by the evidence engine; whether the values agree is not asked of it here.
"""

from __future__ import annotations

from collections.abc import Iterator

from epm.evidence.engine import read_listing
from epm.judges.faults import Fault
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Relation

_DECISIVE = {
    Axis.CORE: ("brand", "model", "generation"),
    Axis.IDENTIFIER: ("gtin", "mpn", "asin"),
    Axis.VARIANT: ("colour", "size", "capacity", "pack", "condition", "region"),
}
_COVERS = {"model": frozenset({"model", "mpn", "name"}), "mpn": frozenset({"mpn", "model"})}
"""A code may be argued as model or as part number, and a name may hold it."""
_FULL = 8
"""A rationale of this many cells has room for the decisive ones only; what it leaves out is no fault."""


def omission_faults(pair: Pair, rationale: Rationale) -> Iterator[Fault]:
    """Axes that leave out what both listings state: unsound when nothing at all is argued, else partial."""
    used = {cell.attribute.casefold() for axis in Axis for cell in rationale.finding(axis).comparisons}
    n_cells = sum(len(rationale.finding(axis).comparisons) for axis in Axis)
    left, right = read_listing(pair.left), read_listing(pair.right)
    for axis in Axis:
        stated = [name for name in _DECISIVE[axis] if left.of(name) and right.of(name)]
        omitted = [name for name in stated if used.isdisjoint(_COVERS.get(name, frozenset({name})))]
        if not rationale.finding(axis).comparisons:
            if axis is Axis.CORE and rationale.relation is not Relation.UNDECIDABLE:
                yield Fault(axis, "unsound", "omissions", "argues nothing about the core of a decided pair")
            elif omitted:
                yield Fault(axis, "unsound", "omissions", f"argues nothing, yet both listings state {', '.join(omitted)}")
        elif omitted and n_cells < _FULL:
            yield Fault(axis, "partial", "omissions", f"leaves out {', '.join(omitted)}, which both listings state")
