"""What makes a rationale sound: quotes that stand in the listings, and cells that entail verdicts, relation and label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from epm.evidence.identifiers import gtin_digits, gtin_trust
from epm.identity import STRICT, IdentityRule
from epm.rationale import Axis, AxisFinding, Rationale, Verdict
from epm.relation import Relation

DECIDING_ATTRIBUTES = {
    Relation.OTHER_PACK: ("pack",),
    Relation.BUNDLE_OF: ("bundle",),
    Relation.CONDITION: ("condition",),
    Relation.ACCESSORY_FOR: ("compatibility",),
}
"""The cell that each of these relations must show; it may be one-sided (single against "6er Pack")."""


def quote_problems(rationale: Rationale, left: Mapping[str, str], right: Mapping[str, str]) -> tuple[str, ...]:
    """Every quote that stands in no text of its listing."""
    problems = []
    for axis in Axis:
        for cell in rationale.finding(axis).comparisons:
            for side, quote, texts in (("left", cell.left, left), ("right", cell.right, right)):
                if quote is not None and not any(quote in text for text in texts.values()):
                    problems.append(f"{axis} cell {cell.attribute!r}: {side} quote {quote!r} stands in no text of the {side} listing")
    return tuple(problems)


def entailment_problems(rationale: Rationale, identity: IdentityRule | None = STRICT) -> tuple[str, ...]:
    """Every place where the cells do not entail the axis verdict, the relation, or (given a rule) the label."""
    problems = [problem for axis in Axis for problem in _axis_problems(axis, rationale.finding(axis))]
    problems.extend(_relation_problems(rationale))
    if identity is not None and rationale.label is not (label := identity.label(rationale.relation)):
        problems.append(
            f"relation {rationale.relation.value!r} is {label!r} by rule {identity.name!r}, but the label is {rationale.label!r}"
        )
    return tuple(problems)


def _axis_problems(axis: Axis, finding: AxisFinding) -> Iterable[str]:
    verdicts = {cell.verdict for cell in finding.comparisons}
    expected = next((v for v in (Verdict.DIFFERENT, Verdict.SAME) if v in verdicts), Verdict.UNKNOWN)
    if finding.verdict is not expected:
        yield f"axis {axis}: the comparisons say {expected.value!r}, but the verdict is {finding.verdict.value!r}"


def _relation_problems(rationale: Rationale) -> Iterable[str]:
    relation = rationale.relation
    verdicts = {axis: rationale.finding(axis).verdict for axis in Axis}
    if relation is Relation.EXACT:
        for axis, verdict in verdicts.items():
            if verdict is Verdict.DIFFERENT:
                yield f"relation 'exact' although axis {axis} is 'different'"
        if verdicts[Axis.CORE] is not Verdict.SAME:
            yield f"relation 'exact' needs core 'same', not {verdicts[Axis.CORE].value!r}"
    elif relation is Relation.VARIANT and verdicts[Axis.VARIANT] is not Verdict.DIFFERENT:
        yield f"relation 'variant' needs variant 'different', not {verdicts[Axis.VARIANT].value!r}"
    elif relation is Relation.DIFFERENT and Verdict.DIFFERENT not in {verdicts[Axis.CORE], verdicts[Axis.IDENTIFIER]}:
        yield "relation 'different' although neither core nor identifier is 'different'"
    needed = DECIDING_ATTRIBUTES.get(relation, ())
    shown = {cell.attribute for axis in Axis for cell in rationale.finding(axis).comparisons if cell.verdict is not Verdict.SAME}
    if needed and not shown.intersection(needed):
        yield f"relation {relation.value!r} without a deciding cell {needed[0]!r}"


def identifier_problems(rationale: Rationale) -> tuple[str, ...]:
    """Every GTIN that decides something although its check digit is wrong or it is a placeholder."""
    problems = []
    for cell in rationale.identifier.comparisons:
        if cell.attribute != "gtin" or cell.verdict is Verdict.UNKNOWN:
            continue
        for side, quote in (("left", cell.left), ("right", cell.right)):
            digits = gtin_digits(quote or "")
            trust = "bad" if digits is None else gtin_trust(digits)
            if trust in {"bad", "placeholder"}:
                what = "a bad check digit" if trust == "bad" else "no real number (placeholder)"
                problems.append(f"identifier cell 'gtin': {side} {quote!r} has {what}, so it can only be 'unknown'")
    return tuple(problems)
