"""What may be spent, what was, and who knows of spending outside this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

JUDGE_ROLES = "judge/"
"""Roles of calls that grade a run; they have a cap of their own beside the run's."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be spent; ``None`` is unbounded. None of it is part of a run's identity.

    ``max_cost_usd`` and ``max_tokens`` hold for a run with all its resumptions, ``max_item_cost_usd`` for each item;
    ``shared`` names a budget of the store that ``max_cost_usd`` then belongs to; ``max_sample_usd`` holds for this command.
    """

    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_item_cost_usd: float | None = None
    shared: str | None = None
    max_sample_usd: float | None = None

    @property
    def is_money(self) -> bool:
        """True when a price must be known."""
        return self.shared is not None or {self.max_cost_usd, self.max_item_cost_usd, self.max_sample_usd} != {None}

    @property
    def is_any(self) -> bool:
        """True when anything is bounded."""
        return self.is_money or self.max_tokens is not None


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls took: USD (0 for unknown prices) and tokens in and out together."""

    cost_usd: float = 0.0
    tokens: int = 0


class SpendingLog(Protocol):
    """Knows what was spent before this process."""

    def spent(self, run_id: str, item_id: str | None, *, judging: bool) -> Spent:
        """What the calls of a run, or of one of its items, took: those of judges, or all others."""
        ...


class SharedBudget(Protocol):
    """A named cap that several runs draw on, processes beside each other included."""

    async def take(self, cost_usd: float) -> bool:
        """Charge the amount if it fits, all or nothing; returns when it is durable."""
        ...

    def settle(self, held_usd: float, cost_usd: float) -> None:
        """Replace an amount taken by what was really spent."""
        ...

    def refusal(self, cost_usd: float) -> str:
        """Why the amount does not fit, and what to do."""
        ...

    def left_usd(self) -> float:
        """What is not charged yet."""
        ...
