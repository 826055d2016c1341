"""How long to wait before the next attempt."""

from __future__ import annotations

import random

from epm.errors import ErrorClass

MAX_ATTEMPTS = 4
"""Physical calls for one request: three waits outlast the hiccups of servers, a fifth try would mostly find the same."""
LONGEST_WAIT_S = 120.0
"""A server that asks for more than this is treated as down: waiting longer looks like a hang."""
_LONGEST_BACKOFF_S = 30.0
_GROWTH = 2.0
_GROWTH_OF_RATE_LIMITED = 8.0
"""Limits are counted by the minute: four attempts within four seconds would only find the same minute four times."""


class Backoff:
    """Exponential backoff with jitter in [0.5, 1] from a seeded generator; the server's Retry-After is a lower bound."""

    def __init__(self, *, first_s: float, seed: int) -> None:
        self._first_s = first_s
        self._rng = random.Random(seed)

    def wait_s(self, attempt: int, retry_after_s: float | None, error_class: ErrorClass | None = None) -> float:
        """Seconds to wait after failed attempt number ``attempt`` (from 1)."""
        growth = _GROWTH_OF_RATE_LIMITED if error_class is ErrorClass.RATE_LIMITED else _GROWTH
        ceiling_s = min(_LONGEST_BACKOFF_S, self._first_s * growth ** (attempt - 1))
        jittered_s = ceiling_s * (0.5 + 0.5 * self._rng.random())
        return max(jittered_s, retry_after_s or 0.0)
