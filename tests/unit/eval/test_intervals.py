"""Two-way resampling: weights are products of side counts, seeds are shared by matchers, degenerate inputs give None."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from epm.eval.intervals import (
    TwoWay,
    auroc_interval,
    f1_difference,
    f1_interval,
    mean_difference,
    mean_differences,
    mean_interval,
    percentile_interval,
    weighted_auroc,
)
from epm.eval.metrics import Outcomes


def seen(gold: Sequence[bool], predicted: Sequence[bool], left: Sequence[str] | None = None) -> Outcomes:
    n = len(gold)
    return Outcomes(
        np.array(gold, dtype=bool), np.array(predicted, dtype=bool), np.ones(n, dtype=bool), None,
        tuple(left or (f"l{i}" for i in range(n))), tuple(f"r{i}" for i in range(n)), 0,
    )  # fmt: skip


def test_a_weight_is_the_count_of_its_left_times_the_count_of_its_right_product() -> None:
    plan = TwoWay(["a", "a", "b"], ["x", "y", "x"], n_resamples=500)
    weights = np.concatenate(list(plan.weights()))
    assert weights.shape == (500, 3)
    left_a, right_x = weights[:, 0] + weights[:, 1], weights[:, 0] + weights[:, 2]
    counts = {tuple(row) for row in weights.astype(int).tolist()}
    # two left and two right products: (a, b) and (x, y) counts are (2, 0), (1, 1) or (0, 2)
    assert counts <= {(a * x, a * y, b * x) for a, b in ((2, 0), (1, 1), (0, 2)) for x, y in ((2, 0), (1, 1), (0, 2))}
    assert len(counts) > 4
    assert left_a.max() == right_x.max() == 4


def test_equal_plans_draw_equal_weights_and_another_seed_draws_others() -> None:
    plan = TwoWay([f"l{i}" for i in range(7)], [f"r{i % 3}" for i in range(7)], n_resamples=20, seed=5)
    drawn, again = (np.concatenate(list(plan.weights())) for _ in range(2))
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, np.concatenate(list(TwoWay(plan.left, plan.right, 20, 6).weights())))


def test_an_interval_holds_the_point_and_narrows_with_more_products() -> None:
    rng = np.random.default_rng(0)

    def width(n: int) -> float:
        gold = rng.random(n) < 0.4
        predicted = np.where(rng.random(n) < 0.85, gold, ~gold)
        found = f1_interval(seen(gold, predicted))
        assert found is not None
        point = 2 * (gold & predicted).sum() / (gold.sum() + predicted.sum())
        assert found[0] < point < found[1]
        return found[1] - found[0]

    assert width(1600) < width(100) / 2


def test_shared_products_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    hubs = rng.random(20) < 0.8  # each left product is wholly right or wholly wrong
    left = [f"l{i // 20}" for i in range(400)]
    gold = np.ones(400, dtype=bool)
    predicted = np.array([hubs[i // 20] for i in range(400)])
    alone, shared = f1_interval(seen(gold, predicted)), f1_interval(seen(gold, predicted, left=left))
    assert alone is not None
    assert shared is not None
    assert shared[1] - shared[0] > 2 * (alone[1] - alone[0])


def test_degenerate_inputs_give_none_and_never_nan() -> None:
    assert f1_interval(seen([], [])) is None
    assert f1_interval(seen([False], [False])) is None
    assert f1_interval(seen([True], [True])) == (1.0, 1.0)
    assert percentile_interval(np.array([np.nan, np.nan, 1.0])) is None


def test_equal_matchers_differ_by_exactly_zero_and_a_better_one_by_more() -> None:
    rng = np.random.default_rng(2)
    gold = rng.random(600) < 0.5
    worse = np.where(rng.random(600) < 0.7, gold, ~gold)
    same = f1_difference(seen(gold, worse), seen(gold, worse))
    assert (same.value, same.ci95) == (0.0, (0.0, 0.0))
    better = f1_difference(seen(gold, gold), seen(gold, worse))
    assert better.is_above_zero
    assert better.value == pytest.approx(1 - 2 * (gold & worse).sum() / (gold.sum() + worse.sum()))
    with pytest.raises(ValueError, match="same labelled pairs"):
        f1_difference(seen(gold, gold), seen(~gold, worse))


def test_a_paired_mean_difference_is_narrower_than_two_unpaired_means() -> None:
    rng = np.random.default_rng(4)
    hard = rng.random(200)
    before, after = hard + rng.normal(0, 0.01, 200), hard + 0.02 + rng.normal(0, 0.01, 200)
    plan = TwoWay([f"l{i}" for i in range(200)], [f"r{i}" for i in range(200)])
    found = mean_difference(after, before, plan)
    alone = mean_interval(after, plan)
    assert found.is_above_zero
    assert found.ci95 is not None
    assert alone is not None
    assert found.ci95[1] - found.ci95[0] < (alone[1] - alone[0]) / 4
    assert mean_difference(np.array([]), np.array([]), TwoWay([], [])).value is None
    with pytest.raises(ValueError, match="one shape"):
        mean_difference(after, before[:5], plan)


def test_weighted_auroc_equals_scikit_learn_with_ties_and_weights() -> None:
    rng = np.random.default_rng(7)
    positive, scores, weights = rng.random(150) < 0.4, np.round(rng.random(150), 1), rng.integers(0, 4, 150).astype(float)
    expected = roc_auc_score(positive, scores, sample_weight=weights)
    assert weighted_auroc(positive, scores, weights[None])[0] == pytest.approx(expected)
    found = auroc_interval(positive, scores, TwoWay([str(i) for i in range(150)], [str(i) for i in range(150)]))
    assert found is not None
    assert found[0] < roc_auc_score(positive, scores) < found[1]


def test_differences_of_several_figures_are_those_of_each_from_the_same_resamples() -> None:
    rng = np.random.default_rng(3)
    before, after = rng.random((40, 2)), rng.random((40, 2))
    plan = TwoWay([f"l{i % 7}" for i in range(40)], [f"r{i % 11}" for i in range(40)])
    together = mean_differences(after, before, plan)
    alone = tuple(mean_difference(after[:, column], before[:, column], plan) for column in range(2))
    for one, other in zip(together, alone, strict=True):
        assert one.value == pytest.approx(other.value)
        assert one.ci95 == pytest.approx(other.ci95)
    assert together[0] != together[1]
    assert mean_differences(np.zeros((0, 1)), np.zeros((0, 1)), TwoWay([], []))[0].value is None
