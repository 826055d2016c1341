"""The circuit breaker: a run whose every call must fail stops, instead of burning all its items.

Calls that the server took and that brought nothing (cut off, declined, too long a prompt) are paid for, so a kind of question
that was never once answered stops the run too. Each kind counts by itself: short questions may all be answered where every long
one is cut off. A filter's refusal is neither: it is the pair's fault, and says nothing of the others.

It opens as well on a server that answers nothing (see ``silence.py``), on one that asks for a longer pause than is waited, and
where the account's money is spent. Whoever waits looks at it once a second, so that no wait outlasts it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from epm.errors import ErrorClass, ModelError, RunStoppedError
from epm.gateway.backoff import LONGEST_WAIT_S
from epm.gateway.pacing import MINUTE_S
from epm.gateway.remedies import REMEDIES
from epm.gateway.request import CallScope
from epm.gateway.retry_after import repeat_after
from epm.gateway.silence import Silence

MAX_AUTH_IN_A_ROW = 3
"""Once the key has worked; before that the first refusal is enough."""
MAX_BAD_REQUESTS_IN_A_ROW = 10
MAX_FRUITLESS_IN_A_ROW = 10
"""Of one kind of question, before the first answer to it: later ones are the matter of their pairs."""
_BAD_REQUESTS = frozenset({ErrorClass.BAD_REQUEST, ErrorClass.UNSUPPORTED})
_FRUITLESS = frozenset({ErrorClass.TRUNCATED, ErrorClass.REPLY_TOO_LONG, ErrorClass.REFUSAL, ErrorClass.CONTEXT_TOO_LONG})
_ANSWERED = frozenset({ErrorClass.TRUNCATED, ErrorClass.CONTENT_FILTER, ErrorClass.REFUSAL, ErrorClass.INVALID_STRUCTURE})


class CircuitBreaker:
    """Counts failures without an answer between them; opens for good, for every later call of the run.

    Args:
        was_answered: whether an earlier command had an answer to this kind of question: one that resumes a run may have nothing left
            but what failed before.
        timeout_s: deadline of one call, in seconds.
        heeds: the only classes that count; ``None`` for all.
        clock: monotonic seconds; tests bring their own.
    """

    def __init__(
        self,
        was_answered: Callable[[CallScope], bool] = lambda _scope: False,
        *,
        timeout_s: float = 60.0,
        heeds: frozenset[ErrorClass] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._heeds = heeds
        self._silence = Silence(timeout_s)
        self._was_answered = was_answered
        self._lock = threading.Lock()
        self._has_answered = False
        self._n_auth = 0
        self._n_bad = 0
        self._n_fruitless: Counter[str] = Counter()
        self._answered_roles: set[str] = set()
        self._reason: str | None = None

    def check(self) -> None:
        """Nothing, while calls may go out.

        Raises:
            RunStoppedError: the breaker has opened.
        """
        if self._reason is not None:
            raise RunStoppedError(self._reason)
        with self._lock:
            self._look_at_silence()

    @contextmanager
    def watching(self, scope: CallScope) -> Iterator[None]:
        """Heed what comes of the one call made inside the ``with`` block.

        Raises:
            RunStoppedError: the breaker has opened, or opens by this call.
        """
        self.check()
        with self._lock:
            number = self._silence.sent(self._clock())
        error: ModelError | None = None
        try:
            yield
        except ModelError as caught:
            if self._heeds is None or caught.error_class in self._heeds:
                error = caught
            raise
        finally:
            with self._lock:
                sent_s = self._silence.ended(number)
            if error is not None:
                self.failed(error, scope)
                self._unanswered(error, sent_s)
        self.answered(scope)

    def _unanswered(self, error: ModelError, sent_s: float) -> None:
        """Count a failed call against the server; one may be too many, or ask for a longer pause than is waited."""
        with self._lock:
            self._silence.heard(error, sent_s, self._clock())
            if error.error_class.is_retryable and (error.retry_after_s or 0.0) > LONGEST_WAIT_S:
                self._open_for_pause(error, error.retry_after_s or 0.0)
            self._look_at_silence()

    def answered(self, scope: CallScope, *, is_cached: bool = False) -> None:
        """A question was answered: its kind is not fruitless, and unless the cache answered, the counts begin again."""
        with self._lock:
            self._answered_roles.add(scope.role)
            if not is_cached:
                self._silence.broken()
                self._reached()

    def failed(self, error: ModelError, scope: CallScope) -> None:
        """Count a failed call.

        Raises:
            RunStoppedError: it was one too many.
        """
        found = error.error_class
        with self._lock:
            if self._reason is not None:  # a call that was in flight when it opened says the same
                raise RunStoppedError(self._reason)
            if found in _ANSWERED:
                self._reached()
            if found in _FRUITLESS:
                self._count_fruitless(error, scope)
            if found is ErrorClass.NO_CREDIT:
                self._open(error, 1)
            self._n_auth += found is ErrorClass.AUTH
            self._n_bad += found in _BAD_REQUESTS
            if found is ErrorClass.AUTH and (not self._has_answered or self._n_auth >= MAX_AUTH_IN_A_ROW):
                self._open(error, self._n_auth)
            elif found in _BAD_REQUESTS and self._n_bad >= MAX_BAD_REQUESTS_IN_A_ROW:
                self._open(error, self._n_bad)

    def _count_fruitless(self, error: ModelError, scope: CallScope) -> None:
        role = scope.role
        self._n_fruitless[role] += 1
        if role in self._answered_roles or self._n_fruitless[role] < MAX_FRUITLESS_IN_A_ROW:
            return
        if not self._was_answered(scope):
            self._open(error, self._n_fruitless[role], f" of {role!r}")
        self._answered_roles.add(role)

    def _reached(self) -> None:
        """The server took a call: its key works, and not every request is bad."""
        self._has_answered, self._n_auth, self._n_bad = True, 0, 0

    def _look_at_silence(self) -> None:
        now_s, silence = self._clock(), self._silence
        if silence.last is None or not silence.is_final(now_s):
            return
        error, found = silence.last, silence.last.error_class
        # limits are counted by the minute: before its end the same refusal comes again
        wait_s = error.retry_after_s or (MINUTE_S if found is ErrorClass.RATE_LIMITED else None)
        self._reason = (
            f"the run was stopped: nothing was answered for {silence.n_failed} calls and {silence.silent_s(now_s):.0f} s, the last of them "
            f"{found.value!r}: {error}; {REMEDIES[found]}; {_when(wait_s)}"
        )
        raise RunStoppedError(self._reason) from error

    def _open_for_pause(self, error: ModelError, wait_s: float) -> NoReturn:
        self._reason = (
            f"the run was stopped after {max(1, self._silence.n_failed)} calls without an answer: the server asks to wait {wait_s:,.0f} s, longer "
            f"than the {LONGEST_WAIT_S:.0f} s that are waited; the last: {error.error_class.value!r}, {error}; {_when(wait_s)}"
        )
        raise RunStoppedError(self._reason) from error

    def _open(self, error: ModelError, n_failed: int, of_role: str = "") -> NoReturn:
        found = error.error_class
        calls = "call" if n_failed == 1 else "calls in a row"
        self._reason = (
            f"the run was stopped after {n_failed} {calls}{of_role} failed with {found.value!r} and none was answered; the last: {error}; "
            f"{REMEDIES[found]}, then repeat the command: it resumes"
        )
        raise RunStoppedError(self._reason) from error


def _when(wait_s: float | None) -> str:
    if wait_s is None:
        return "repeat the command: it resumes"
    return f"repeat after {repeat_after(wait_s)}: the same command resumes"
