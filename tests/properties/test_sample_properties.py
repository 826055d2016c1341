"""What holds of the generated sample for every seed, size and world."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epm.identity import STRICT
from epm.rationale import Axis
from epm.sample import World, generate
from epm.student_text import parse, render

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 25)
worlds = st.sampled_from(list(World))
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(worlds, sizes, seeds)
def test_the_same_seed_gives_equal_pairs(world: World, n_pairs: int, seed: int) -> None:
    first, second = generate(world, n_pairs, seed=seed), generate(world, n_pairs, seed=seed)
    assert len(first) == n_pairs
    assert first == second


@few
@given(worlds, sizes, seeds)
def test_quotes_are_verbatim_and_rationales_are_lossless_for_any_seed(world: World, n_pairs: int, seed: int) -> None:
    for sample in generate(world, n_pairs, seed=seed):
        assert parse(render(sample.rationale)) == sample.rationale
        for axis in Axis:
            for comparison in sample.rationale.finding(axis).comparisons:
                for quote, listing in ((comparison.left, sample.pair.left), (comparison.right, sample.pair.right)):
                    assert quote is None or any(quote in text for text in listing.texts().values())


@few
@given(worlds, sizes, seeds)
def test_labels_follow_the_strict_rule_and_the_product_for_any_seed(world: World, n_pairs: int, seed: int) -> None:
    for sample in generate(world, n_pairs, seed=seed):
        pair = sample.pair
        assert pair.gold_label == STRICT.label(pair.relation) == sample.rationale.label
        if pair.gold_label is not None:
            assert (pair.gold_label == "match") == (pair.left.cluster_id == pair.right.cluster_id)


@few
@given(worlds, seeds)
def test_another_seed_gives_other_pairs(world: World, seed: int) -> None:
    assert generate(world, 5, seed=seed) != generate(world, 5, seed=seed + 1)
