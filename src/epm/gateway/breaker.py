"""The circuit breaker: a run whose every call must fail stops, instead of burning all its items."""

from __future__ import annotations

import threading

from epm.errors import ErrorClass, ModelError, RunStoppedError

MAX_AUTH_IN_A_ROW = 3
"""Once the key has worked; before that the first refusal is enough."""
MAX_BAD_REQUESTS_IN_A_ROW = 10
_BAD_REQUESTS = frozenset({ErrorClass.BAD_REQUEST, ErrorClass.UNSUPPORTED})
_ANSWERED = frozenset({ErrorClass.TRUNCATED, ErrorClass.CONTENT_FILTER, ErrorClass.REFUSAL, ErrorClass.INVALID_STRUCTURE})
_REMEDY = {
    ErrorClass.AUTH: "check the key that --api-key-env names, and the account's quota and access to the model",
    ErrorClass.BAD_REQUEST: "check --model and --api-base, and whether the server takes structured output and tools",
    ErrorClass.UNSUPPORTED: "take a model that answers this task",
}


class CircuitBreaker:
    """Counts failures without an answer between them; opens for good, for every later call of the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._has_answered = False
        self._n_auth = 0
        self._n_bad = 0
        self._reason: str | None = None

    def check(self) -> None:
        """Nothing, while calls may go out.

        Raises:
            RunStoppedError: the breaker has opened.
        """
        if self._reason is not None:
            raise RunStoppedError(self._reason)

    def answered(self) -> None:
        """The server answered: the counts begin again."""
        with self._lock:
            self._has_answered, self._n_auth, self._n_bad = True, 0, 0

    def failed(self, error: ModelError) -> None:
        """Count a failed call.

        Raises:
            RunStoppedError: it was one too many.
        """
        found = error.error_class
        if found in _ANSWERED:
            self.answered()
            return
        with self._lock:
            self.check()  # a call that was in flight when it opened says the same
            self._n_auth += found is ErrorClass.AUTH
            self._n_bad += found in _BAD_REQUESTS
            if found is ErrorClass.AUTH and (not self._has_answered or self._n_auth >= MAX_AUTH_IN_A_ROW):
                self._open(error, self._n_auth)
            elif found in _BAD_REQUESTS and self._n_bad >= MAX_BAD_REQUESTS_IN_A_ROW:
                self._open(error, self._n_bad)

    def _open(self, error: ModelError, n_failed: int) -> None:
        found = error.error_class
        calls = "call" if n_failed == 1 else "calls in a row"
        self._reason = (
            f"the run was stopped after {n_failed} {calls} failed with {found.value!r} and none was answered; the last: {error}; "
            f"{_REMEDY[found]}, then repeat the command: it resumes"
        )
        raise RunStoppedError(self._reason) from error
