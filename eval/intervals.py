"""95 % intervals by two-way resampling over left and right products.

Pairs that share a product are not independent, and pair graphs are often one single component, so neither pairs nor
components can be resampled. The pigeonhole bootstrap (Owen 2007) draws left products and right products with
replacement, independently, and weighs each pair by ``count(its left product) x count(its right product)``. The same
seed draws the same weights for every matcher, which makes differences paired.

Statistics are functions of weighted sums; an interval is the 2.5 to 97.5 percentile over the resamples in which the
statistic is defined, and ``None`` when that is fewer than half of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from epm.eval.metrics import BoolArray, FloatArray, Outcomes

N_RESAMPLES = 1000
_BLOCK_CELLS = 4_000_000  # weights held at once: 32 MB of float64
_LOW, _HIGH = 2.5, 97.5
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference with its 95 % interval; ``is_above_zero`` when the whole interval is."""

    value: float | None
    ci95: Interval | None

    @property
    def is_above_zero(self) -> bool:
        """True when the interval excludes zero and everything below."""
        return self.ci95 is not None and self.ci95[0] > 0


@dataclass(frozen=True, slots=True)
class TwoWay:
    """The resampling plan of N pairs: their left and right products, how many resamples B, and the seed."""

    left: Sequence[str]
    right: Sequence[str]
    n_resamples: int = N_RESAMPLES
    seed: int = 0

    def weights(self) -> Iterator[FloatArray]:
        """Pair weights in blocks of shape (b, N), B rows in all; the same for equal plans."""
        rng = np.random.default_rng(self.seed)
        left_names, left_of = np.unique(np.asarray(self.left, dtype=object).astype(str), return_inverse=True)
        right_names, right_of = np.unique(np.asarray(self.right, dtype=object).astype(str), return_inverse=True)
        widest = max(len(self.left), left_names.size, right_names.size)
        block = max(1, _BLOCK_CELLS // max(1, widest))
        for start in range(0, self.n_resamples, block):
            size = min(block, self.n_resamples - start)
            yield _counts(rng, left_names.size, size)[:, left_of] * _counts(rng, right_names.size, size)[:, right_of]

    def sums(self, columns: FloatArray) -> FloatArray:
        """Weighted column sums, shape (B, K), of an (N, K) array."""
        if not len(self.left):
            return np.zeros((self.n_resamples, columns.shape[1]))
        return np.concatenate([weights @ columns for weights in self.weights()])


def _counts(rng: np.random.Generator, n_products: int, size: int) -> FloatArray:
    return rng.multinomial(n_products, np.full(n_products, 1 / n_products), size=size).astype(np.float64)


def plan_of(seen: Outcomes, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> TwoWay:
    """The resampling plan of a matcher's outcomes."""
    return TwoWay(seen.left, seen.right, n_resamples, seed)


def f1_interval(seen: Outcomes, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Interval | None:
    """The 95 % interval of F1 in [0, 1]; ``None`` when F1 is undefined in more than half of the resamples."""
    return percentile_interval(_resampled_f1(seen, plan_of(seen, n_resamples=n_resamples, seed=seed)))


def f1_difference(first: Outcomes, second: Outcomes, *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Difference:
    """F1 of ``first`` minus F1 of ``second`` on the same pairs and the same resamples.

    Raises:
        ValueError: the two are not about the same pairs.
    """
    if first.left != second.left or first.right != second.right or not np.array_equal(first.gold, second.gold):
        raise ValueError("a paired difference needs both matchers on the same labelled pairs in the same order")
    plan = plan_of(first, n_resamples=n_resamples, seed=seed)
    drawn = _resampled_f1(first, plan) - _resampled_f1(second, plan)
    here = float(_f1(_f1_columns(first).sum(axis=0)[None])[0] - _f1(_f1_columns(second).sum(axis=0)[None])[0])
    return Difference(None if np.isnan(here) else here, percentile_interval(drawn))


def mean_interval(values: FloatArray, plan: TwoWay) -> Interval | None:
    """The 95 % interval of a mean over pairs."""
    return percentile_interval(_means(values, plan))


def mean_difference(after: FloatArray, before: FloatArray, plan: TwoWay) -> Difference:
    """Mean of ``after - before``, pair by pair, with its interval; the probe of a training step."""
    if after.shape != before.shape or after.shape != (len(plan.left),):
        raise ValueError(f"paired values need one shape: after {after.shape}, before {before.shape}, plan ({len(plan.left)},)")
    return mean_differences(after[:, None], before[:, None], plan)[0]


def mean_differences(after: FloatArray, before: FloatArray, plan: TwoWay) -> tuple[Difference, ...]:
    """Mean of ``after - before`` for each column of (N, K) figures of N pairs, all from the same resamples."""
    change = after - before
    if not len(plan.left):
        return tuple(Difference(None, None) for _ in range(change.shape[1]))
    sums = plan.sums(np.column_stack([change, np.ones(len(plan.left))]))
    drawn = [_divide(sums[:, column], sums[:, -1]) for column in range(change.shape[1])]
    return tuple(Difference(float(mean), percentile_interval(means)) for mean, means in zip(change.mean(axis=0), drawn, strict=True))


def statistic_interval(columns: FloatArray, statistic: Callable[[FloatArray], FloatArray], plan: TwoWay) -> Interval | None:
    """The interval of any function of weighted column sums; it maps (B, K) to (B,), NaN where undefined."""
    return percentile_interval(statistic(plan.sums(columns)))


def auroc_interval(is_positive: BoolArray, scores: FloatArray, plan: TwoWay) -> Interval | None:
    """The 95 % interval of the area under the ROC curve."""
    if not is_positive.size:
        return None
    return percentile_interval(np.concatenate([weighted_auroc(is_positive, scores, weights) for weights in plan.weights()]))


def weighted_auroc(is_positive: BoolArray, scores: FloatArray, weights: FloatArray) -> FloatArray:
    """P(score of a positive > score of a negative) + half of ties, for each row of weights (b, N); NaN where undefined."""
    _, level = np.unique(scores, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.flatnonzero(np.diff(level[order], prepend=-1))
    positive = np.add.reduceat(weights[:, order] * is_positive[order], starts, axis=1)  # (b, levels)
    negative = np.add.reduceat(weights[:, order] * ~is_positive[order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    won = (positive * (below + negative / 2)).sum(axis=1)
    return _divide(won, positive.sum(axis=1) * negative.sum(axis=1))


def percentile_interval(drawn: FloatArray) -> Interval | None:
    """The 2.5 to 97.5 percentile of the defined values; ``None`` when fewer than half are defined."""
    defined = drawn[~np.isnan(drawn)]
    if defined.size == 0 or defined.size < drawn.size / 2:
        return None
    low, high = np.percentile(defined, [_LOW, _HIGH])
    return float(low), float(high)


def _f1_columns(seen: Outcomes) -> FloatArray:
    return np.stack([seen.gold & seen.predicted, seen.predicted, seen.gold], axis=1).astype(np.float64)


def _f1(sums: FloatArray) -> FloatArray:
    return _divide(2 * sums[:, 0], sums[:, 1] + sums[:, 2])


def _resampled_f1(seen: Outcomes, plan: TwoWay) -> FloatArray:
    return _f1(plan.sums(_f1_columns(seen)))


def _means(values: FloatArray, plan: TwoWay) -> FloatArray:
    sums = plan.sums(np.stack([values, np.ones_like(values)], axis=1))
    return _divide(sums[:, 0], sums[:, 1])


def _divide(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
