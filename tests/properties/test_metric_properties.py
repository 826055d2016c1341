"""Metrics and intervals for any outcomes: ranges, invariances, agreement with scikit-learn, never NaN."""

from __future__ import annotations

import math
from dataclasses import astuple
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from epm.eval.audit import cohen_kappa
from epm.eval.intervals import TwoWay, f1_difference, f1_interval, mean_interval, weighted_auroc
from epm.eval.metrics import Outcomes, choose_threshold, measure

CASE = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 10), st.integers(0, 4), st.integers(0, 4))
CASES = st.lists(CASE, max_size=40)


def seen(cases: list[tuple[bool, bool, bool, int, int, int]], *, is_swapped: bool = False) -> Outcomes:
    """Outcomes of (gold, predicted, decided, score tenths, left product, right product)."""
    gold, predicted, decided, score, left, right = (
        (list(column) for column in zip(*cases, strict=True)) if cases else ([] for _ in range(6))
    )
    kept = np.array(decided, dtype=np.bool_)
    sides = (tuple(f"l{i}" for i in left), tuple(f"r{i}" for i in right))
    left_ids, right_ids = sides[::-1] if is_swapped else sides
    return Outcomes(
        np.array(gold, dtype=np.bool_), np.array(predicted, dtype=np.bool_) & kept, kept,
        np.where(kept, np.array(score, dtype=np.float64) / 10, 0.0), left_ids, right_ids, int((~kept).sum()),
    )  # fmt: skip


@given(CASES)
def test_every_figure_is_none_or_a_number_in_its_range(cases: list[tuple[bool, bool, bool, int, int, int]]) -> None:
    found = measure(seen(cases))
    assert not [value for value in astuple(found) if isinstance(value, float) and not 0 <= value <= 1]
    assert not [value for value in astuple(found) if isinstance(value, float) and math.isnan(value)]
    assert (found.precision is None) == (not seen(cases).predicted.any())
    assert (found.recall is None) == (found.positives == 0)


@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_pairs_and_the_sides_do_not_matter(cases: list[tuple[bool, bool, bool, int, int, int]], random: Random) -> None:
    shuffled = list(cases)
    random.shuffle(shuffled)
    one, two, swapped = measure(seen(cases)), measure(seen(shuffled)), measure(seen(cases, is_swapped=True))
    for a, b, c in zip(astuple(one), astuple(two), astuple(swapped), strict=True):
        assert (a is None) == (b is None) == (c is None)
        assert a is None or math.isclose(a, b, abs_tol=1e-12)
        assert a == c


@given(CASES.filter(lambda cases: any(c[0] for c in cases)))
def test_figures_equal_those_of_scikit_learn(cases: list[tuple[bool, bool, bool, int, int, int]]) -> None:
    outcomes = seen(cases)
    found = measure(outcomes)
    assert outcomes.scores is not None
    assert found.recall == recall_score(outcomes.gold, outcomes.predicted)
    assert math.isclose(found.f1 or 0, f1_score(outcomes.gold, outcomes.predicted, zero_division=0), abs_tol=1e-12)
    assert math.isclose(found.precision or 0, precision_score(outcomes.gold, outcomes.predicted, zero_division=0), abs_tol=1e-12)
    assert found.auprc is not None
    assert math.isclose(found.auprc, average_precision_score(outcomes.gold, outcomes.scores), abs_tol=1e-9)


@given(CASES)
def test_undeciding_a_pair_never_raises_recall_or_coverage(cases: list[tuple[bool, bool, bool, int, int, int]]) -> None:
    before = measure(seen(cases))
    for i, case in enumerate(cases):
        after = measure(seen([*cases[:i], (case[0], case[1], False, *case[3:]), *cases[i + 1 :]]))
        assert (after.recall or 0) <= (before.recall or 0)
        assert (after.coverage or 0) <= (before.coverage or 0)


@given(CASES.filter(lambda cases: any(c[0] and c[2] for c in cases)))
def test_no_other_threshold_has_a_better_f1(cases: list[tuple[bool, bool, bool, int, int, int]]) -> None:
    outcomes = seen(cases)
    threshold = choose_threshold(outcomes)
    assert threshold is not None
    best = measure(outcomes.at_threshold(threshold)).f1 or 0
    others = [measure(outcomes.at_threshold(i / 20)).f1 or 0 for i in range(-1, 22)]
    assert best >= max(others) - 1e-12


@settings(max_examples=40)
@given(CASES)
def test_intervals_are_ordered_in_range_and_repeatable(cases: list[tuple[bool, bool, bool, int, int, int]]) -> None:
    found = f1_interval(seen(cases), n_resamples=60)
    assert found == f1_interval(seen(cases), n_resamples=60)
    assert found is None or 0 <= found[0] <= found[1] <= 1
    difference = f1_difference(seen(cases), seen(cases), n_resamples=60)
    assert difference.ci95 in {None, (0.0, 0.0)}


@settings(max_examples=25)
@given(st.integers(60, 200), st.floats(0.1, 0.9), st.integers(0, 10**6))
def test_an_interval_holds_the_point_on_regular_data(n: int, share: float, seed: int) -> None:
    values = (np.random.default_rng(seed).random(n) < share).astype(np.float64)
    plan = TwoWay([f"l{i}" for i in range(n)], [f"r{i}" for i in range(n)], 400)
    found = mean_interval(values, plan)
    assert found is not None
    assert found[0] <= values.mean() <= found[1]


@given(st.floats(-5, 5), st.integers(1, 30))
def test_a_constant_has_no_width(value: float, n: int) -> None:
    found = mean_interval(np.full(n, value), TwoWay(["l"] * n, [f"r{i}" for i in range(n)], 50))
    assert found is not None
    assert math.isclose(found[0], value, abs_tol=1e-9)
    assert math.isclose(found[1], value, abs_tol=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_reversing_scores_reverses_auroc(cases: list[tuple[bool, int]]) -> None:
    positive, scores = np.array([c[0] for c in cases]), np.array([c[1] for c in cases], dtype=np.float64)
    weights = np.ones((1, len(cases)))
    one, other = weighted_auroc(positive, scores, weights)[0], weighted_auroc(positive, -scores, weights)[0]
    assert np.isnan(one) == np.isnan(other) == (positive.all() or not positive.any())
    assert np.isnan(one) or math.isclose(one + other, 1, abs_tol=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_kappa_is_one_only_for_full_agreement_and_symmetric(cases: list[tuple[bool, bool]]) -> None:
    def kappa(pairs: list[tuple[bool, bool]]) -> float:
        sums = [sum(a == b for a, b in pairs), sum(a for a, _ in pairs), sum(b for _, b in pairs), len(pairs)]
        return float(cohen_kappa(np.array([sums], dtype=np.float64))[0])

    one, other = kappa(cases), kappa([(b, a) for a, b in cases])
    assert np.isnan(one) == np.isnan(other)
    assert np.isnan(one) or math.isclose(one, other, abs_tol=1e-12)
    assert np.isnan(one) or (one > 1 - 1e-12) == all(a == b for a, b in cases)
