"""What a sample of items took, and what the rest will take."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from epm.errors import BudgetError, ConfigError, ErrorClass
from epm.estimate.interval import Interval, mean_of_rest
from epm.gateway.bounds import Bounds
from epm.gateway.remedies import describe_failures, remedy_of
from epm.gateway.tally import ItemSpending

SAMPLE_CAP_USD = 0.5
"""What an estimate may cost at most."""
_NOTHING = ItemSpending()
_FEWEST = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A sample's spending and, with 90 % intervals, that of the ``n_rest`` items that are left.

    ``left_usd`` is what the budget still holds after the sample and ``affordable`` how many of the rest it buys; ``None`` without
    a budget. ``is_cut``: the sample ended at its cap, before ``n_wanted`` items. ``failed_by_class`` counts the sampled items that
    failed: their spending is in the figures, which say little of the work where it is most of the sample (``is_doubtful``).
    """

    n_sampled: int
    n_wanted: int
    n_rest: int
    is_cut: bool
    paid_usd: float
    calls: Interval
    tokens: Interval
    cost_usd: Interval
    left_usd: float | None
    affordable: Interval | None
    failed_by_class: Mapping[ErrorClass, int] = field(default_factory=dict)

    @property
    def n_failed(self) -> int:
        """Sampled items that failed."""
        return sum(self.failed_by_class.values())

    @property
    def is_doubtful(self) -> bool:
        """True when half of the sample failed, or more: the rest is then reckoned from what failures take."""
        return 2 * self.n_failed >= self.n_sampled > 0

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return {**asdict(self), "n_failed": self.n_failed, "is_doubtful": self.is_doubtful}


def sample_bounds(bounds: Bounds) -> Bounds:
    """The bounds with the cap of an estimate beside them."""
    return replace(bounds, max_sample_usd=SAMPLE_CAP_USD)


def random_sample(items: Sequence[T], n: int, *, seed: int) -> list[T]:
    """At most ``n`` items, the same for the same seed; a larger sample contains a smaller one."""
    order = list(range(len(items)))
    random.Random(f"estimate {seed}").shuffle(order)
    return [items[index] for index in order[:n]]


def estimate_rest(
    spending: Mapping[str, ItemSpending], finished: Collection[str], *, n_wanted: int, n_rest: int, left_usd: float | None, is_cut: bool,
    failed: Mapping[str, ErrorClass],
) -> Estimate:  # fmt: skip
    """The estimate from the finished items of a random sample, by item id; ``failed`` says which of them failed, and how.

    Raises:
        BudgetError: fewer than 2 items were finished, so there is nothing to say of the others.
        ConfigError: every finished item failed, so what the others would take was not seen.
    """
    paid_usd, failures = sum((item.paid_usd for item in spending.values()), 0.0), Counter(failed[one] for one in finished if one in failed)
    if failures.total() == len(finished) > 0:
        msg = f"all {len(finished)} items of the sample failed ({describe_failures(failures)}), ${paid_usd:.4f} paid: no estimate of the other {n_rest:,}; {remedy_of(failures)}"
        raise ConfigError(msg)
    if len(finished) < _FEWEST and n_rest:
        msg = f"only {len(finished)} items of the sample were finished within ${SAMPLE_CAP_USD:.2f} and the caps given: no estimate; sample at least 2, or raise the cap"
        raise BudgetError(msg)
    taken = [spending.get(item_id, _NOTHING) for item_id in finished]
    cost = _mean([item.cost_usd for item in taken], n_rest)
    return Estimate(
        n_sampled=len(taken), n_wanted=n_wanted, n_rest=n_rest, is_cut=is_cut, paid_usd=paid_usd,
        calls=_mean([float(item.calls) for item in taken], n_rest).times(n_rest),
        tokens=_mean([float(item.tokens) for item in taken], n_rest).times(n_rest), cost_usd=cost.times(n_rest),
        left_usd=left_usd, affordable=None if left_usd is None else _affordable(left_usd, cost, n_rest), failed_by_class=dict(failures.most_common()),
    )  # fmt: skip


def _mean(values: Sequence[float], n_rest: int) -> Interval:
    return mean_of_rest(values, n_rest) if n_rest else Interval(0.0, 0.0, 0.0)


def _affordable(left_usd: float, cost: Interval, n_rest: int) -> Interval:
    """Items for the money, at most the rest: the dearest case buys the fewest."""

    def items(cost_usd: float) -> float:
        return float(n_rest if cost_usd <= 0 else min(n_rest, int(left_usd / cost_usd)))

    return Interval(items(cost.value), items(cost.high), items(cost.low))
