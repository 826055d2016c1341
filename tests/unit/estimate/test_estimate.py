from __future__ import annotations

import random

import pytest

from epm.errors import BudgetError, ConfigError, ErrorClass
from epm.estimate.estimate import estimate_rest, random_sample
from epm.estimate.interval import mean_of_rest
from epm.gateway.tally import ItemSpending


def spending(*costs: float) -> dict[str, ItemSpending]:
    return {f"p{i}": ItemSpending(3, 100 * (i + 1), cost, cost) for i, cost in enumerate(costs)}


def test_equal_costs_leave_no_doubt() -> None:
    found = mean_of_rest([0.2] * 5, 100)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_the_interval_holds_the_mean_and_stays_within_what_was_seen() -> None:
    values = [0.1, 0.1, 0.2, 0.1, 3.0, 0.1]
    found = mean_of_rest(values, 1_000)
    assert 0.1 <= found.low < found.value < found.high <= 3.0


def test_the_interval_reaches_further_up_than_down_for_skewed_costs() -> None:
    rng = random.Random(1)
    found = mean_of_rest([rng.lognormvariate(0, 1) for _ in range(40)], 1_000)
    assert found.high - found.value > 1.3 * (found.value - found.low)


def test_a_larger_sample_says_more() -> None:
    rng = random.Random(2)
    values = [rng.lognormvariate(0, 1) for _ in range(400)]
    small, large = mean_of_rest(values[:25], 1_000), mean_of_rest(values, 1_000)
    assert large.high - large.low < (small.high - small.low) / 2


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_ninety_percent_intervals_hold_the_true_mean_of_skewed_costs_about_as_often(sigma: float) -> None:
    rng, n_held = random.Random(3), 0
    for _ in range(100):
        costs = [rng.lognormvariate(0, sigma) for _ in range(1_040)]
        found = mean_of_rest(costs[:40], 1_000)
        n_held += found.low <= sum(costs[40:]) / 1_000 <= found.high
    assert n_held >= 85


def test_the_rest_is_the_mean_times_what_is_left_and_the_budget_buys_by_the_mean() -> None:
    found = estimate_rest(spending(0.1, 0.2, 0.3), ["p0", "p1", "p2"], n_wanted=3, n_rest=50, left_usd=4.0, is_cut=False, failed={})
    assert found.cost_usd.value == pytest.approx(10.0)
    assert found.calls.value == 150
    assert found.tokens.value == pytest.approx(10_000)
    assert found.paid_usd == pytest.approx(0.6)
    assert found.affordable is not None
    assert found.affordable.value in {19.0, 20.0}
    assert found.affordable.low <= found.affordable.value <= found.affordable.high <= 50


def test_items_that_asked_nothing_count_as_free_ones() -> None:
    found = estimate_rest(spending(0.2), ["p0", "free"], n_wanted=2, n_rest=10, left_usd=None, is_cut=False, failed={})
    assert found.cost_usd.value == pytest.approx(1.0)
    assert found.affordable is None


def test_free_items_are_all_affordable() -> None:
    found = estimate_rest({}, ["a", "b"], n_wanted=2, n_rest=10, left_usd=0.0, is_cut=False, failed={})
    assert found.affordable is not None
    assert found.affordable.value == 10


def test_nothing_left_costs_nothing() -> None:
    found = estimate_rest(spending(0.2), ["p0"], n_wanted=1, n_rest=0, left_usd=1.0, is_cut=False, failed={})
    assert (found.cost_usd.value, found.cost_usd.high) == (0.0, 0.0)


def test_one_item_is_no_sample() -> None:
    with pytest.raises(BudgetError, match="only 1 items of the sample were finished"):
        estimate_rest(spending(0.2), ["p0"], n_wanted=9, n_rest=10, left_usd=None, is_cut=True, failed={})


def test_the_same_seed_samples_the_same_items_and_more_of_them_the_same_and_others() -> None:
    items = list(range(100))
    small, large = random_sample(items, 10, seed=4), random_sample(items, 30, seed=4)
    assert large[:10] == small
    assert len(set(large)) == 30
    assert random_sample(items, 10, seed=5) != small
    assert sorted(random_sample(items, 500, seed=4)) == items


def test_a_sample_that_failed_entirely_is_no_ground_for_figures() -> None:
    failed = {"p0": ErrorClass.TRUNCATED, "p1": ErrorClass.TRUNCATED, "p2": ErrorClass.TIMEOUT}
    with pytest.raises(ConfigError, match=r"all 3 items of the sample failed \(truncated 2, timeout 1\), \$0\.6000 paid.*--reply-tokens"):
        estimate_rest(spending(0.1, 0.2, 0.3), list(failed), n_wanted=3, n_rest=50, left_usd=None, is_cut=False, failed=failed)


@pytest.mark.parametrize(("n_failed", "is_doubtful"), [(0, False), (1, False), (2, True), (3, True)])
def test_an_estimate_from_a_sample_half_of_which_failed_says_so(n_failed: int, is_doubtful: bool) -> None:
    failed = {f"p{i}": ErrorClass.REFUSAL for i in range(n_failed)} | {"of another command": ErrorClass.AUTH}
    found = estimate_rest(
        spending(0.1, 0.2, 0.3, 0.4), [f"p{i}" for i in range(4)], n_wanted=4, n_rest=9, left_usd=None, is_cut=False, failed=failed
    )
    assert (found.n_failed, found.is_doubtful) == (n_failed, is_doubtful)
    assert found.to_json()["failed_by_class"] == ({"refusal": n_failed} if n_failed else {})
