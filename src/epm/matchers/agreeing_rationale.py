"""A rationale that ends in a given label, written from the engine's evidence; what it overrides is named, not hidden.

Where the label is not the engine's own, conflicts that stand against a match become ``unknown``, and a non-match the
engine saw no conflict for is argued by the names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from epm.evidence.rationale import axis_verdict, name_quote, write_rationale
from epm.identity import IdentityRule
from epm.matchers.evidence_features import ReadPair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation


@dataclass(frozen=True, slots=True)
class AgreeingRationale:
    """The rationale; ``overridden`` says what of the engine's own finding it sets aside."""

    rationale: Rationale
    overridden: tuple[str, ...] = ()


def agreeing_rationale(read: ReadPair, label: Label, identity: IdentityRule) -> AgreeingRationale:
    """The engine's rationale if it ends in the label, else one that does; without a label when a side says nothing to quote."""
    own = write_rationale(read.left, read.right, read.compared, read.finding, identity)
    if own.label is label:
        return AgreeingRationale(own)
    relation, core = (Relation.EXACT, Verdict.SAME) if label is Label.MATCH else (Relation.DIFFERENT, Verdict.DIFFERENT)
    finding = replace(read.finding, relation=relation, factor=None, core=core)
    written = write_rationale(read.left, read.right, read.compared, finding, identity)
    findings = {axis: written.finding(axis) for axis in Axis}
    softened: list[str] = []
    if label is Label.MATCH:
        softened = [
            f"{axis.value} {cell.attribute}" for axis in Axis for cell in own.finding(axis).comparisons if cell.verdict is Verdict.DIFFERENT
        ]
        findings = {axis: _softened(finding) for axis, finding in findings.items()}
    elif Verdict.DIFFERENT not in {findings[Axis.CORE].verdict, findings[Axis.IDENTIFIER].verdict}:
        findings[Axis.CORE] = _told_apart(findings[Axis.CORE], read)
    shown = {findings[Axis.CORE].verdict} if label is Label.MATCH else {findings[axis].verdict for axis in (Axis.CORE, Axis.IDENTIFIER)}
    if core not in shown:
        relation = Relation.UNDECIDABLE
    rationale = Rationale(
        core=findings[Axis.CORE], identifier=findings[Axis.IDENTIFIER], variant=findings[Axis.VARIANT], relation=relation,
        label=identity.label(relation),
    )  # fmt: skip
    return AgreeingRationale(rationale, (f"relation {own.relation.value}", *softened))


def _softened(finding: AxisFinding) -> AxisFinding:
    cells = tuple(
        cell.model_copy(update={"verdict": Verdict.UNKNOWN}) if cell.verdict is Verdict.DIFFERENT else cell for cell in finding.comparisons
    )
    return AxisFinding(comparisons=cells, verdict=axis_verdict(cells))


def _told_apart(finding: AxisFinding, read: ReadPair) -> AxisFinding:
    left, right = name_quote(read.left, read.compared.names.left_rest), name_quote(read.right, read.compared.names.right_rest)
    if left is None or right is None:
        return finding
    others = tuple(cell for cell in finding.comparisons if cell.attribute != "name")
    cells = (*others, Comparison(attribute="name", left=left, right=right, verdict=Verdict.DIFFERENT))
    return AxisFinding(comparisons=cells, verdict=axis_verdict(cells))
