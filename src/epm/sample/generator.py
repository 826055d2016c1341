"""Seeded pairs with known truth: the same world, size and seed give the same pairs, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from epm.errors import ConfigError
from epm.identity import STRICT
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Relation
from epm.sample.catalogue import Catalogue, Family
from epm.sample.scenario import draw_scenario, supports
from epm.sample.seller import render
from epm.sample.style import Style, draw_style, same_shop
from epm.sample.truth import true_rationale
from epm.sample.world import Lexicon, World, load_lexicon

SHARES = {
    Relation.EXACT: 0.40, Relation.DIFFERENT: 0.25, Relation.VARIANT: 0.15, Relation.OTHER_PACK: 0.06, Relation.BUNDLE_OF: 0.04,
    Relation.ACCESSORY_FOR: 0.04, Relation.CONDITION: 0.04, Relation.UNDECIDABLE: 0.02,
}  # fmt: skip
"""How often each relation occurs; the shares sum to one."""

_PAIRS_PER_FAMILY = 5
_MIN_FAMILIES = 24
_P_SWAPPED = 0.5
_P_SAME_SHOP = 0.4
_P_SAME_WORDS, _P_NEGATIVE_SAME_SHOP = 0.22, 0.1
"""Tuned so that character TF-IDF stays between 0.60 and 0.70 F1: an easier sample would teach nothing."""


@dataclass(frozen=True, slots=True)
class SamplePair:
    """A generated pair with the rationale that the truth behind it gives."""

    pair: Pair
    rationale: Rationale


def generate(world: World, n_pairs: int, *, seed: int) -> list[SamplePair]:
    """That many pairs of a world, with every relation in its share.

    Raises:
        ConfigError: ``n_pairs`` is negative.
    """
    return generate_split(world, n_pairs, seed=seed, name=f"{world}-{seed}", taken=set())


def generate_split(world: World, n_pairs: int, *, seed: int, name: str, taken: set[str]) -> list[SamplePair]:
    """Pairs of a named split; no model in ``taken`` occurs, and those that do are added to it."""
    if n_pairs < 0:
        raise ConfigError(f"number of pairs is {n_pairs!r}, but must be 0 or more")
    lexicon = load_lexicon(world)
    rng = Random(f"{name}:{seed}")
    if n_pairs == 0:
        return []
    catalogue = Catalogue(lexicon, rng, taken)
    families = [catalogue.family() for _ in range(max(_MIN_FAMILIES, n_pairs // _PAIRS_PER_FAMILY))]
    while any(not any(supports(family, relation) for family in families) for relation in SHARES):
        families.append(catalogue.family())
    by_relation = {relation: [family for family in families if supports(family, relation)] for relation in SHARES}
    pairs = []
    for i, relation in enumerate(_relations(n_pairs, rng)):
        candidates = by_relation[relation]
        family = candidates[int(rng.random() * len(candidates))]
        pairs.append(_make_pair(relation, family, families, lexicon=lexicon, rng=rng, pair_id=f"{name}-{i:05d}"))
    return pairs


def _relations(n_pairs: int, rng: Random) -> Iterator[Relation]:
    """Relations in their shares by systematic sampling, in random order."""
    offset = rng.random()
    places = [(i + offset) / n_pairs for i in range(n_pairs)]
    drawn = [_relation_at(place) for place in places]
    rng.shuffle(drawn)
    return iter(drawn)


def _relation_at(place: float) -> Relation:
    edge = 0.0
    for relation, share in SHARES.items():
        edge += share
        if place < edge:
            return relation
    return Relation.EXACT


def _second_style(relation: Relation, first: Style, lexicon: Lexicon, rng: Random) -> Style:
    """Mostly another seller for the same product, often the very same words for another one: hard on both sides."""
    chance, other = rng.random(), draw_style(rng, lexicon)
    if relation is Relation.EXACT:
        return same_shop(first, other) if chance < _P_SAME_SHOP else other
    if chance < _P_SAME_WORDS:
        return first
    return same_shop(first, other) if chance < _P_SAME_WORDS + _P_NEGATIVE_SAME_SHOP else other


def _make_pair(relation: Relation, family: Family, families: list[Family], *, lexicon: Lexicon, rng: Random, pair_id: str) -> SamplePair:
    scenario = draw_scenario(relation, family, families, rng)
    if rng.random() < _P_SWAPPED:
        scenario = replace(scenario, left=scenario.right, right=scenario.left, left_wish=scenario.right_wish, right_wish=scenario.left_wish)
    left_style = draw_style(rng, lexicon)
    right_style = _second_style(relation, left_style, lexicon, rng)
    categories = lexicon.categories
    left = render(
        scenario.left, left_style, categories[scenario.left.category], listing_id=f"{pair_id}-l", wish=scenario.left_wish, rng=rng
    )
    right = render(
        scenario.right, right_style, categories[scenario.right.category], listing_id=f"{pair_id}-r", wish=scenario.right_wish, rng=rng
    )
    rationale = true_rationale(left, right, relation, scenario.factor)
    pair = Pair(pair_id, left.listing, right.listing, STRICT.label(relation), relation, scenario.factor)
    return SamplePair(pair, rationale)
