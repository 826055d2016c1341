"""The true rationale of a pair: what both sides say, quoted verbatim, and how it truly compares."""

from __future__ import annotations

from epm.identity import STRICT
from epm.rationale import AXIS_ATTRIBUTES, Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Relation
from epm.sample.product import Product
from epm.sample.seller import Offer


def true_rationale(left: Offer, right: Offer, relation: Relation, factor: int | None) -> Rationale:
    """The rationale that a reader who knows both products writes: one cell per attribute that a side states.

    The type stands only where an accessory meets a main product: translations of type words are no evidence.
    """
    is_accessory_pair = (left.product.host is None) != (right.product.host is None)
    cells = {
        axis: [
            _compare(attribute, left, right)
            for attribute in attributes
            if _is_shown(attribute, left, right, is_accessory_pair=is_accessory_pair)
        ]
        for axis, attributes in AXIS_ATTRIBUTES.items()
    }
    core, identifier, variant = (AxisFinding(comparisons=tuple(cells[axis]), verdict=axis_verdict(cells[axis])) for axis in Axis)
    return Rationale(core=core, identifier=identifier, variant=variant, relation=relation, factor=factor, label=STRICT.label(relation))


def axis_verdict(comparisons: list[Comparison]) -> Verdict:
    """``different`` if any comparison is, else ``same`` if any is, else ``unknown``."""
    verdicts = {comparison.verdict for comparison in comparisons}
    return next((verdict for verdict in (Verdict.DIFFERENT, Verdict.SAME) if verdict in verdicts), Verdict.UNKNOWN)


def _is_shown(attribute: str, left: Offer, right: Offer, *, is_accessory_pair: bool) -> bool:
    if attribute == "type" and not is_accessory_pair:
        return False
    return attribute in left.stated or attribute in right.stated


def _compare(attribute: str, left: Offer, right: Offer) -> Comparison:
    quotes = left.stated.get(attribute), right.stated.get(attribute)
    verdict = Verdict.UNKNOWN
    if None not in quotes:
        is_same = true_value(left.product, attribute) == true_value(right.product, attribute)
        verdict = Verdict.SAME if is_same else Verdict.DIFFERENT
    return Comparison(attribute=attribute, left=quotes[0], right=quotes[1], verdict=verdict)


def true_value(product: Product, attribute: str) -> object:
    """The value of an attribute in no spelling: equal exactly when the products agree in it."""
    if attribute in {"size", "capacity"}:
        return product.dimension, product.amount
    if attribute == "compatibility":
        return product.host and product.host.key
    return getattr(product, _FIELD_OF_ATTRIBUTE.get(attribute, attribute))


_FIELD_OF_ATTRIBUTE = {"name": "line", "model": "code", "type": "types", "bundle": "extra"}
