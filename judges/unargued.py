"""What speaks against the label is argued: a code or an amount that both listings state, and that settles the other way.

The engine can be wrong, so a comparison that quotes both readings answers it, whatever its verdict. Silence does not: a
writer who was told what to say leaves out what says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from epm.evidence.atoms import Atom
from epm.evidence.engine import compare
from epm.identity import IdentityRule
from epm.judges.faults import Fault
from epm.pair import Pair
from epm.rationale import AXIS_ATTRIBUTES, Axis, Comparison, Rationale, Verdict
from epm.relation import Label

_CODES = frozenset({"model", "gtin", "mpn", "asin"})
_SETTLING = {Verdict.DIFFERENT: _CODES | {"capacity", "size", "pack"}, Verdict.SAME: _CODES}
_STRONG = 0.6
"""From here on the engine is rarely wrong: sibling codes and trusted barcodes stand at 0.9, part numbers at 0.6."""
_WHOLE = frozenset({"name", "type"})
_AXIS = {name: axis for axis, names in AXIS_ATTRIBUTES.items() for name in names}


def unargued_faults(pair: Pair, rationale: Rationale, identity: IdentityRule) -> Iterator[Fault]:
    """One fault for each strong reading of the other label that no comparison quotes."""
    if rationale.label is None:
        return
    evidence = compare(pair, identity)
    if evidence.rationale.label in {None, rationale.label}:
        return
    against = Verdict.DIFFERENT if rationale.label is Label.MATCH else Verdict.SAME
    cells = [cell for axis in Axis for cell in rationale.finding(axis).comparisons]
    for atom in evidence.atoms:
        if _settles(atom, against) and not any(_argues(cell, atom) for cell in cells):
            assert atom.left is not None and atom.right is not None  # noqa: S101, PT018  # _settles looked
            shown = f"{atom.attribute} {atom.left.span.quote[:40]!r} and {atom.right.span.quote[:40]!r}"
            yield Fault(
                _AXIS.get(atom.attribute, Axis.CORE), "unsound", "unargued", f"leaves out {shown}, which speak against {rationale.label}"
            )


def _settles(atom: Atom, against: Verdict) -> bool:
    is_stated = atom.left is not None and atom.right is not None
    return is_stated and atom.verdict is against and atom.strength >= _STRONG and atom.attribute in _SETTLING[against]


def _argues(cell: Comparison, atom: Atom) -> bool:
    """True if the comparison quotes both readings. A whole name of the wanted verdict only walks past them."""
    if cell.left is None or cell.right is None or atom.left is None or atom.right is None:
        return False
    attribute = cell.attribute.casefold()
    if cell.verdict is not atom.verdict and attribute not in {atom.attribute, *(_CODES if atom.attribute in _CODES else ())}:
        return False
    return attribute not in _WHOLE and atom.left.span.quote in cell.left and atom.right.span.quote in cell.right
