"""How far people agree: raw share, Cohen's kappa of each two, Krippendorff's alpha of all, each with its n and interval.

Cohen's kappa (1960) for each two raters over the items that both answered; Krippendorff's alpha (2004, nominal) over the items
that two raters or more answered, so that nobody has to answer everything. ``unsure`` is a category like the labels.
A figure is ``None`` where it is undefined: without items, and where everybody always gave one and the same answer.
Intervals are 95 %, by resampling items; ``None`` where the figure is defined in fewer than half of the resamples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from epm.eval.metrics import FloatArray
from epm.review.answer import Answer, Review

N_RESAMPLES = 1000
_SEED = 0
_AT_ONCE = 50
"""Resamples drawn at once: 50 of 100 000 items take 40 MB."""
_ANSWERS = tuple(Answer)

_AnswersOf = Mapping[tuple[str, str], Answer]
Interval = tuple[float, float]
Statistic = Callable[[FloatArray], FloatArray]
"""From sums over items, shape (B, C), to the figure of each row, shape (B,); NaN where it is undefined."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, ``None`` where it is undefined, and its 95 % interval."""

    value: float | None
    ci95: Interval | None


@dataclass(frozen=True, slots=True)
class TwoRaters:
    """Two raters over the ``n`` items that both answered. ``raw`` is in [0, 1], ``cohen_kappa`` in [-1, 1]."""

    one: str
    other: str
    n: int
    raw: Figure
    cohen_kappa: Figure


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """The agreement of all over the ``n`` items that two raters or more answered; ``n_split`` of them got different answers."""

    n_by_rater: Mapping[str, int]
    n: int
    n_split: int
    krippendorff_alpha: Figure
    pairs: tuple[TwoRaters, ...]

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


def rater_agreement(reviews: Sequence[Review]) -> RaterAgreement:
    """The agreement of everybody who answered."""
    by_rater: dict[str, dict[tuple[str, str], Answer]] = {}
    by_item: dict[tuple[str, str], Counter[Answer]] = {}
    for review in reviews:
        key = (review.run_id, review.item_id)
        by_rater.setdefault(review.rater, {})[key] = review.answer
        by_item.setdefault(key, Counter())[review.answer] += 1
    raters = sorted(by_rater)
    shared = [counts for _, counts in sorted(by_item.items()) if counts.total() > 1]
    return RaterAgreement(
        {rater: len(by_rater[rater]) for rater in raters}, len(shared), sum(len(counts) > 1 for counts in shared),
        _figure(_alpha_columns(shared), _alpha),
        tuple(_two(one, other, by_rater[one], by_rater[other]) for one, other in combinations(raters, 2)),
    )  # fmt: skip


def _two(one: str, other: str, says: _AnswersOf, other_says: _AnswersOf) -> TwoRaters:
    shared = sorted(set(says) & set(other_says))
    rows = [
        [1.0, float(says[key] == other_says[key]), *_one_hot(says[key]), *_one_hot(other_says[key])] for key in shared
    ]  # fmt: skip
    columns = np.array(rows, dtype=np.float64).reshape(len(shared), 2 + 2 * len(_ANSWERS))
    return TwoRaters(one, other, len(shared), _figure(columns, _raw), _figure(columns, _kappa))


def _one_hot(answer: Answer) -> list[float]:
    return [float(answer is known) for known in _ANSWERS]


def _raw(sums: FloatArray) -> FloatArray:
    return _ratio(sums[:, 1], sums[:, 0])


def _kappa(sums: FloatArray) -> FloatArray:
    n, agreeing, k = sums[:, 0], sums[:, 1], len(_ANSWERS)
    by_chance = (sums[:, 2 : 2 + k] * sums[:, 2 + k :]).sum(axis=1)
    return _ratio(n * agreeing - by_chance, n * n - by_chance)


def _alpha_columns(items: Sequence[Counter[Answer]]) -> FloatArray:
    """Shape (N, 4): the answers of each kind, and the disagreement of the item."""
    rows = []
    for counts in items:
        n = counts.total()
        differing = n * n - sum(count * count for count in counts.values())
        rows.append([*(float(counts[answer]) for answer in _ANSWERS), differing / (n - 1)])
    return np.array(rows, dtype=np.float64).reshape(len(items), len(_ANSWERS) + 1)


def _alpha(sums: FloatArray) -> FloatArray:
    totals, observed = sums[:, :-1], sums[:, -1]
    n = totals.sum(axis=1)
    return 1.0 - _ratio((n - 1.0) * observed, n * n - (totals * totals).sum(axis=1))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
    return found


def _figure(columns: FloatArray, statistic: Statistic) -> Figure:
    """The statistic of all items, and its interval over resampled items; ``columns`` has shape (N, C)."""
    n = len(columns)
    value = float(statistic(columns.sum(axis=0)[None, :])[0]) if n else np.nan
    if np.isnan(value):
        return Figure(None, None)
    rng = np.random.default_rng(_SEED)
    drawn = [
        statistic(rng.multinomial(n, np.full(n, 1 / n), size=_AT_ONCE) @ columns) for _ in range(N_RESAMPLES // _AT_ONCE)
    ]  # fmt: skip
    values = np.concatenate(drawn)
    defined = values[~np.isnan(values)]
    if n < 2 or 2 * len(defined) < N_RESAMPLES:  # noqa: PLR2004  # one item has no spread
        return Figure(value, None)
    low, high = np.percentile(defined, (2.5, 97.5))
    return Figure(value, (float(low), float(high)))
