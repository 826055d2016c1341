"""Axis verdicts follow from their cells, the relation from the axes, and the label from the relation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from epm.identity import IdentityRule
from epm.judges.faults import Fault
from epm.rationale import AXIS_ATTRIBUTES, Axis, AxisFinding, Rationale, Verdict
from epm.relation import Relation

_SUPPORT = {
    Relation.OTHER_PACK: frozenset({"pack"}),
    Relation.BUNDLE_OF: frozenset({"bundle"}),
    Relation.CONDITION: frozenset({"condition"}),
    Relation.ACCESSORY_FOR: frozenset({"compatibility", "type"}),
}
"""The attributes that can carry a relation even when one side is silent about them."""
_SAME_CORE = frozenset({Relation.VARIANT, Relation.OTHER_PACK, Relation.CONDITION, Relation.BUNDLE_OF})
_KNOWN = frozenset(name for names in AXIS_ATTRIBUTES.values() for name in names)


def derived_verdict(finding: AxisFinding) -> Verdict:
    """The axis verdict that the cells lead to: different if any is, else same if any is, else unknown."""
    verdicts = {cell.verdict for cell in finding.comparisons}
    return next((verdict for verdict in (Verdict.DIFFERENT, Verdict.SAME) if verdict in verdicts), Verdict.UNKNOWN)


def entailment_faults(rationale: Rationale, identity: IdentityRule) -> Iterator[Fault]:
    """Faults of every step from cells to label. A label or relation that nothing supports spoils all axes."""
    for axis in Axis:
        finding = rationale.finding(axis)
        derived = derived_verdict(finding)
        if finding.verdict is not derived:
            yield Fault(axis, "unsound", "axis verdict", f"{axis} is called {finding.verdict}, but its comparisons lead to {derived}")
    expected = identity.label(rationale.relation)
    if rationale.label is not expected:
        reason = f"relation {rationale.relation} means {expected or 'no label'} under the rule {identity.name}, not {rationale.label or 'no label'}"
        yield from _on_all_axes("label", reason)
    yield from _relation_faults(rationale)


def _relation_faults(rationale: Rationale) -> Iterator[Fault]:
    different = frozenset(axis for axis in Axis if rationale.finding(axis).verdict is Verdict.DIFFERENT)
    if rationale.relation is Relation.EXACT:
        yield from _exact_faults(rationale, different)
    elif rationale.relation is Relation.DIFFERENT:
        yield from _different_faults(different)
    elif rationale.relation is Relation.UNDECIDABLE:
        yield from _contradictions(different & {Axis.CORE}, rationale.relation)
    else:
        if not _is_supported(rationale):
            yield from _on_all_axes("relation", f"{rationale.relation}, but no finding shows it")
        if rationale.relation in _SAME_CORE and Axis.CORE in different:
            yield from _contradictions((Axis.CORE, Axis.VARIANT), rationale.relation, culprit=Axis.CORE)


def _exact_faults(rationale: Rationale, different: frozenset[Axis]) -> Iterator[Fault]:
    yield from _contradictions(different, Relation.EXACT)
    if not any(rationale.finding(axis).verdict is Verdict.SAME for axis in (Axis.CORE, Axis.IDENTIFIER)):
        yield Fault(Axis.CORE, "unsound", "relation", "exact needs a core or identifier finding that is the same")


def _different_faults(different: frozenset[Axis]) -> Iterator[Fault]:
    if not different:
        yield from _on_all_axes("relation", "different, but no axis is different")
    elif different == {Axis.VARIANT}:
        yield Fault(Axis.CORE, "unsound", "relation", "different, but neither core nor identifier is different")


def _is_supported(rationale: Rationale) -> bool:
    """True if a cell carries the relation: one of its own attributes, or an attribute outside our vocabulary that differs."""
    cells = [cell for axis in (Axis.CORE, Axis.VARIANT) for cell in rationale.finding(axis).comparisons]
    if any(cell.verdict is Verdict.DIFFERENT and cell.attribute.casefold() not in _KNOWN for cell in cells):
        return True
    if rationale.relation is Relation.VARIANT:
        other = frozenset().union(*_SUPPORT.values())
        return any(c.verdict is Verdict.DIFFERENT and c.attribute.casefold() not in other for c in rationale.variant.comparisons)
    carrying = _SUPPORT[rationale.relation]
    return any(cell.attribute.casefold() in carrying and cell.verdict is not Verdict.SAME for cell in cells)


def _contradictions(axes: Iterable[Axis], relation: Relation, culprit: Axis | None = None) -> Iterator[Fault]:
    yield from (
        Fault(axis, "unsound", "relation", f"{culprit or axis} is different, which contradicts {relation}") for axis in sorted(axes)
    )


def _on_all_axes(check: str, reason: str) -> Iterator[Fault]:
    yield from (Fault(axis, "unsound", check, reason) for axis in Axis)
