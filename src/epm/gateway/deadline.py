"""The time budget of one item: all attempts, waits and repairs of its calls end before it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from epm.errors import ErrorClass, ModelError


@dataclass(frozen=True, slots=True)
class _Budget:
    total_s: float
    ends_at_s: float


_BUDGET: ContextVar[_Budget | None] = ContextVar("item_budget", default=None)


class ItemTimeoutError(ModelError):
    """The item's time is spent; class ``timeout``."""

    def __init__(self, doing: str) -> None:
        budget = _BUDGET.get()
        total = "" if budget is None else f" of {budget.total_s:g} s"
        super().__init__(f"the item's time{total} was spent {doing}; raise --item-timeout-s or lower --concurrency", ErrorClass.TIMEOUT)


@contextmanager
def item_deadline(total_s: float) -> Iterator[None]:
    """Every model call inside the block, in tasks begun there too, ends within ``total_s`` seconds from now."""
    token = _BUDGET.set(_Budget(total_s, time.monotonic() + total_s))
    try:
        yield
    finally:
        _BUDGET.reset(token)


def left_s() -> float | None:
    """Seconds that the current item has left, ``None`` for no bound.

    Raises:
        ItemTimeoutError: none are left.
    """
    budget = _BUDGET.get()
    if budget is None:
        return None
    left = budget.ends_at_s - time.monotonic()
    if left <= 0:
        raise ItemTimeoutError("before its next call")
    return left
