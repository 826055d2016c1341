"""Whether a server has stopped answering for good: calls and seconds since its last answer, told from a slow or a full one.

Pure state with the time passed in. Silence begins when the first call that failed since the last answer was sent. A call that
the server holds may yet be answered: while there is one, silence is no proof, and the call's own deadline bounds it.
"""

from __future__ import annotations

from epm.errors import ErrorClass, ModelError
from epm.gateway.backoff import LONGEST_WAIT_S

UNREACHED_CALLS, UNREACHED_S = 4, 3.0
"""Never a connection: one item's four tries at the shortest waits (0.5, 1 and 2 s) end here, and a name or port that is wrong
stays wrong. A server that restarts answers again after 3 s or is better waited for by hand."""
SILENT_CALLS = 20
"""A server that answers one call in twenty is alive."""
SILENT_S = 30.0
"""With that many calls: a load balancer's failover takes less."""
LONG_SILENT_CALLS, LONG_SILENT_S, LONG_REFUSED_S = 4, 40.0, 48.0
"""Few calls, for admission is spaced out where everything fails: under the minute that a command may take to end, its start
included. Of 429s the twentieth call leaves after 47 s (virtual time), and may be the one in twenty that is answered."""
SILENT_AFTER_ANSWER_S = LONGEST_WAIT_S + 30.0
"""The server answered before: it may refuse a whole minute, ask for the longest pause, or load its model again. With few calls, four times as long:
the limiter paces a server that answers one call in twenty down to one in 16 s or so."""
_FEW_CALLS_TIMES = 4
_GRACE_S = 10.0
"""After a pause that the server asked for: long enough for the first calls to be answered."""
_HELD_S = 5.0
"""Refusals are prompt: a call out for longer is being worked on."""
_CONNECTING_S = 10.0
"""Where nothing was ever reached: a call out for less may still be trying to connect, for which it has 8 s, and proves nothing."""
_TIMEOUTS = 2.0
"""A server that loads its model while calls wait for it has two deadlines' time."""
_SIGNS = frozenset({ErrorClass.RATE_LIMITED, ErrorClass.OVERLOADED, ErrorClass.TIMEOUT, ErrorClass.CONNECTION})
_OWN = frozenset({ErrorClass.BUDGET, ErrorClass.CANCELLED, ErrorClass.EGRESS, ErrorClass.UNSUPPORTED, ErrorClass.BUG})
"""Ends of a call that say nothing of the server: it may not have been asked at all."""


class Silence:
    """Counts what was not answered.

    Args:
        timeout_s: deadline of one call, in seconds.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._out_since_s: dict[int, float] = {}
        self._n_sent = 0
        self._has_answered = False
        self.n_failed = 0
        self._n_unsent = 0
        self._since_s = 0.0
        self._most_patience_s = 0.0
        self.last: ModelError | None = None

    def sent(self, now_s: float) -> int:
        """The number of a call that leaves now."""
        self._n_sent += 1
        self._out_since_s[self._n_sent] = now_s
        return self._n_sent

    def ended(self, number: int) -> float:
        """A call came back, with whatever; when it had left."""
        return self._out_since_s.pop(number)

    def broken(self) -> None:
        """The server answered: silence begins anew."""
        self._has_answered, self.n_failed, self._n_unsent, self._most_patience_s, self.last = True, 0, 0, 0.0, None

    def heard(self, error: ModelError, sent_s: float, now_s: float) -> None:
        """Count a call that failed, where its class is a sign of a server that is not there."""
        if error.error_class not in _SIGNS:
            if error.error_class not in _OWN:
                self.broken()
            return
        if self.n_failed == 0:
            self._since_s = sent_s
        self.n_failed += 1
        self._n_unsent += error.is_unsent
        self.last = error
        patience_s = _TIMEOUTS * self._timeout_s if error.error_class is ErrorClass.TIMEOUT else 0.0
        if error.retry_after_s and not self._most_patience_s:  # kept once: who asks again and again would hold the command
            patience_s = max(patience_s, now_s - self._since_s + min(error.retry_after_s, LONGEST_WAIT_S) + _GRACE_S)
        self._most_patience_s = max(self._most_patience_s, patience_s)

    def is_final(self, now_s: float) -> bool:
        """Whether so much was asked, for so long, that no answer is to be expected."""
        silent_s = now_s - self._since_s
        is_unreached = not self._has_answered and self._n_unsent == self.n_failed
        held_s = _CONNECTING_S if is_unreached else _HELD_S
        if any(now_s - since_s > held_s for since_s in self._out_since_s.values()):
            return False
        if self._has_answered:
            is_much = self.n_failed >= SILENT_CALLS or silent_s >= _FEW_CALLS_TIMES * SILENT_AFTER_ANSWER_S
            return is_much and self.n_failed >= LONG_SILENT_CALLS and silent_s >= max(SILENT_AFTER_ANSWER_S, self._most_patience_s)
        if is_unreached:
            return self.n_failed >= UNREACHED_CALLS and silent_s >= UNREACHED_S
        if self.n_failed >= SILENT_CALLS:
            return silent_s >= max(SILENT_S, self._most_patience_s)
        is_refused = self.last is not None and self.last.error_class is ErrorClass.RATE_LIMITED
        bound_s = LONG_REFUSED_S if is_refused else LONG_SILENT_S
        return self.n_failed >= LONG_SILENT_CALLS and silent_s >= max(bound_s, self._most_patience_s)

    def silent_s(self, now_s: float) -> float:
        """Seconds since the first call that was not answered had left."""
        return now_s - self._since_s
