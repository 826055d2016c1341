"""Even spacing of admissions: a rate that is kept, not a bucket that is emptied at once."""

from __future__ import annotations

MINUTE_S = 60.0
_SLACK_S = 0.05
"""How far an admission that came late may be made up for: longer than a timer is late, shorter than a burst."""


class Pacer:
    """Spreads units (calls, tokens) evenly at ``per_s``; ``None`` for no bound."""

    def __init__(self, per_s: float | None = None) -> None:
        self.per_s = per_s
        self._due_s = 0.0

    def ready_at(self) -> float:
        """The earliest time of the next admission, in seconds of the caller's clock."""
        return self._due_s if self.per_s is not None else 0.0

    def spend(self, now_s: float, n_units: float = 1.0) -> None:
        """Move the next admission back by what these units take."""
        if self.per_s is not None:
            self._due_s = max(now_s - _SLACK_S, self._due_s) + n_units / self.per_s

    def correct(self, n_units: float) -> None:
        """Charge ``n_units`` more (less, when negative) than was spent at admission."""
        if self.per_s is not None:
            self._due_s += n_units / self.per_s


class MinuteCount:
    """How many there were in the last minute, by seconds."""

    def __init__(self) -> None:
        self._by_second = [0] * int(MINUTE_S)
        self._total = 0
        self._second = 0

    def add(self, now_s: float, n: int) -> None:
        """Count ``n`` now."""
        self._forget_before(int(now_s))
        self._by_second[self._second % len(self._by_second)] += n
        self._total += n

    def total(self, now_s: float) -> int:
        """The count of the last sixty seconds."""
        self._forget_before(int(now_s))
        return self._total

    def _forget_before(self, second: int) -> None:
        for past in range(self._second + 1, min(second, self._second + len(self._by_second)) + 1):
            place = past % len(self._by_second)
            self._total -= self._by_second[place]
            self._by_second[place] = 0
        self._second = max(second, self._second)
