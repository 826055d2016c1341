"""How long to wait before the next attempt."""

from __future__ import annotations

import random

LONGEST_WAIT_S = 120.0
"""A server that asks for more than this is treated as down: waiting longer looks like a hang."""
_LONGEST_BACKOFF_S = 30.0


class Backoff:
    """Exponential backoff with jitter in [0.5, 1] from a seeded generator; the server's Retry-After is a lower bound."""

    def __init__(self, *, first_s: float, seed: int) -> None:
        self._first_s = first_s
        self._rng = random.Random(seed)

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Seconds to wait after failed attempt number ``attempt`` (from 1)."""
        ceiling_s = min(_LONGEST_BACKOFF_S, self._first_s * 2.0 ** (attempt - 1))
        jittered_s = ceiling_s * (0.5 + 0.5 * self._rng.random())
        return max(jittered_s, retry_after_s or 0.0)
