"""Which two products a pair shows, for each relation, and what both offers must state so that the label can be derived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from epm.relation import Relation
from epm.sample.catalogue import Family
from epm.sample.product import NEW, Product
from epm.sample.seller import NO_WISH, Wish

T = TypeVar("T")

_P_FAR_RIVAL = 0.3
_P_TWO_PACKS = 0.35
_P_FIRST_OPTION = 0.5
_P_PACK, _P_EXTRA, _P_USED = 0.15, 0.08, 0.06
_NAMES = frozenset({"brand", "name", "model"})
_HIDDEN_IDS = Wish(hides_ids=True)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Two products with what their offers must state or hide."""

    left: Product
    right: Product
    left_wish: Wish = NO_WISH
    right_wish: Wish = NO_WISH
    factor: int | None = None


def supports(family: Family, relation: Relation) -> bool:
    """True when the family can show the relation."""
    is_main = family.base.host is None
    answers = {
        Relation.VARIANT: bool(family.colours or family.amounts or family.regions),
        Relation.OTHER_PACK: bool(family.packs),
        Relation.BUNDLE_OF: bool(family.extras),
        Relation.ACCESSORY_FOR: bool(family.accessories),
        Relation.CONDITION: family.category.used and is_main,
        Relation.UNDECIDABLE: bool(family.amounts),
    }
    return answers.get(relation, True)


def draw_scenario(relation: Relation, family: Family, others: Sequence[Family], rng: Random) -> Scenario:
    """A pair of products in that relation, from a family that supports it; far rivals come from ``others``."""
    if relation is Relation.DIFFERENT:
        return _different(family, others, rng)
    product = draw_product(family, rng)
    return _MAKERS[relation](product, family, rng)


def draw_product(family: Family, rng: Random) -> Product:
    """One of the family's products: the first options are the popular ones; some are packs, bundles or used."""
    extra, condition, pack = None, NEW, 1
    if family.extras and rng.random() < _P_EXTRA:
        extra = _pick(rng, family.extras)
    elif family.category.used and family.base.host is None and rng.random() < _P_USED:
        condition = _pick(rng, ("used", "refurbished"))
    elif family.packs and rng.random() < _P_PACK:
        pack = _pick(rng, family.packs)
    return replace(
        family.base, colour=_popular(rng, family.colours), amount=_popular(rng, family.amounts), region=_popular(rng, family.regions),
        pack=pack, extra=extra, condition=condition,
    )  # fmt: skip


def _exact(product: Product, _family: Family, _rng: Random) -> Scenario:
    return Scenario(product, product)


def _variant(product: Product, family: Family, rng: Random) -> Scenario:
    axes = [axis for axis in ("colour", "amount", "region") if getattr(family, f"{axis}s")]
    axis = _pick(rng, axes)
    value = _pick(rng, [option for option in getattr(family, f"{axis}s") if option != getattr(product, axis)])
    attribute = family.category.quantity_attribute if axis == "amount" else axis
    wish = Wish(must=frozenset({attribute}))
    other = replace(product, **{axis: value})
    return Scenario(product, other, wish, wish)


def _other_pack(product: Product, family: Family, rng: Random) -> Scenario:
    smaller, larger = 1, _pick(rng, family.packs)
    multiples = [(a, b) for a in family.packs for b in family.packs if a < b and b % a == 0]
    if multiples and rng.random() < _P_TWO_PACKS:
        smaller, larger = _pick(rng, multiples)
    plain = replace(product, extra=None, condition=NEW)
    return Scenario(replace(plain, pack=smaller), replace(plain, pack=larger), factor=larger // smaller)


def _bundle_of(product: Product, family: Family, rng: Random) -> Scenario:
    return Scenario(replace(product, extra=None), replace(product, extra=_pick(rng, family.extras)))


def _accessory_for(product: Product, family: Family, rng: Random) -> Scenario:
    wish = Wish(must=frozenset({"type", "name"}))
    main = replace(product, pack=1, extra=None, condition=NEW)
    return Scenario(main, _pick(rng, family.accessories), wish, wish)


def _condition(product: Product, _family: Family, rng: Random) -> Scenario:
    return Scenario(replace(product, condition=NEW), replace(product, condition=_pick(rng, ("used", "refurbished"))))


def _undecidable(product: Product, family: Family, rng: Random) -> Scenario:
    hidden = Wish(hidden=frozenset({family.category.quantity_attribute}), hides_ids=True)
    return Scenario(product, replace(product, amount=_pick(rng, family.amounts)), _HIDDEN_IDS, hidden)


def _different(family: Family, others: Sequence[Family], rng: Random) -> Scenario:
    product = draw_product(family, rng)
    other_family = _pick(rng, others)
    if rng.random() < _P_FAR_RIVAL and other_family is not family and (other_family.base.host is None) == (product.host is None):
        wish = Wish(must=_NAMES)
        return Scenario(product, draw_product(other_family, rng), wish, wish)
    rival = _pick(rng, family.rivals)
    wish = Wish(must=rival.differs_in)
    base = rival.product
    other = replace(
        product, brand=base.brand, line=base.line, code=base.code, generation=base.generation, edition=base.edition, host=base.host,
        has_part_number=base.has_part_number,
    )  # fmt: skip
    return Scenario(product, other, wish, wish)


def _popular(rng: Random, options: Sequence[T]) -> T | None:
    if not options:
        return None
    return options[0] if rng.random() < _P_FIRST_OPTION else _pick(rng, options)


def _pick(rng: Random, options: Sequence[T]) -> T:
    return options[int(rng.random() * len(options))]


_MAKERS: dict[Relation, Callable[[Product, Family, Random], Scenario]] = {
    Relation.EXACT: _exact, Relation.VARIANT: _variant, Relation.OTHER_PACK: _other_pack, Relation.BUNDLE_OF: _bundle_of,
    Relation.ACCESSORY_FOR: _accessory_for, Relation.CONDITION: _condition, Relation.UNDECIDABLE: _undecidable,
}  # fmt: skip
