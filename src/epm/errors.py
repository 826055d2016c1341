"""The error tree, error classes of model calls, and process exit codes.

    EpmError
    ├── ConfigError        a flag, file or environment setting is wrong
    │   ├── RunStoppedError    calls kept failing in a way that no retry mends; the run can be resumed
    │   └── EgressError        a socket was about to go where the egress policy forbids; nothing was sent
    ├── DataError          an input file, row or value is wrong (names place and remedy)
    ├── PromptError        a prompt file or its variables are wrong
    ├── FormatError        student text that does not follow ``student-text v1``
    ├── StoreError         the run store cannot be opened, read or written
    │   ├── RunHeldError       another process works on the run; nothing was changed
    │   └── StoreLockedError   another program holds the file's write lock for longer than is waited
    ├── ArtifactError      a fitted artifact folder is missing, damaged or of another kind
    ├── ModelError         a model call failed; ``error_class`` says how
    ├── TrainError         training cannot start or did not train anything
    ├── BudgetError        a cap was reached; the run can be resumed
    ├── OutputError        standard output is full or broken
    └── GateError          a measured figure failed the gate that was asked for

Every message says what failed, shows the value, names what was allowed and what to do. The command line prints an
``EpmError`` as one line without a traceback and exits with ``exit_code``; anything else is a bug and keeps its
traceback.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """What the process exit status means to a script."""

    OK = 0
    BUG = 1
    USER_ERROR = 2
    BUDGET = 3
    GATE_FAILED = 4
    UNDECIDED = 5


class ErrorClass(StrEnum):
    """Why one model call or item failed: the only thing that retry logic and reports look at."""

    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    AUTH = "auth"
    NO_CREDIT = "no_credit"
    BAD_REQUEST = "bad_request"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_FILTER = "content_filter"
    TRUNCATED = "truncated"
    REPLY_TOO_LONG = "reply_too_long"
    INVALID_STRUCTURE = "invalid_structure"
    REFUSAL = "refusal"
    VETOED = "vetoed"
    UNSUPPORTED = "unsupported"
    BUDGET = "budget"
    EGRESS = "egress"
    CANCELLED = "cancelled"
    BUG = "bug"

    @property
    def is_retryable(self) -> bool:
        """True for the four transient classes; everything else fails at once."""
        return self in {ErrorClass.RATE_LIMITED, ErrorClass.OVERLOADED, ErrorClass.TIMEOUT, ErrorClass.CONNECTION}


class EpmError(Exception):
    """Base of every error a user can act on."""

    exit_code: ExitCode = ExitCode.USER_ERROR


class ConfigError(EpmError):
    """A flag, configuration file or environment setting is wrong."""


class RunStoppedError(ConfigError):
    """Calls kept failing in a way that no retry mends: the run was stopped, and resumes when the cause is mended."""


class EgressError(ConfigError):
    """A socket was about to go where the egress policy forbids: refused before anything was sent, and never retried."""


class DataError(EpmError):
    """An input file, row or value is wrong."""


class PromptError(EpmError):
    """A prompt file, its lock entry or its variables are wrong."""


class FormatError(EpmError):
    """Text that does not follow ``student-text v1``."""


class StoreError(EpmError):
    """The run store cannot be opened, read or written."""


class RunHeldError(StoreError):
    """Another process works on the run: nothing was changed, nothing was sent."""


class StoreLockedError(StoreError):
    """Another program holds the store's lock for longer than is waited; what was written before is kept."""


class ArtifactError(EpmError):
    """A fitted artifact folder is missing, damaged or of another kind."""


class TrainError(EpmError):
    """Training cannot start, or ended without training anything."""


class BudgetError(EpmError):
    """A cap was reached; the run is drained and can be resumed."""

    exit_code = ExitCode.BUDGET


class OutputError(EpmError):
    """Standard output cannot be written: it is full, or what it is sent to broke."""


class GateError(EpmError):
    """A measured figure failed the gate that was asked for."""

    exit_code = ExitCode.GATE_FAILED


class ModelError(EpmError):
    """A model call failed for the reason in ``error_class``.

    Args:
        message: what failed, with the value and the remedy.
        error_class: the taxonomy entry.
        retry_after_s: what the server asked us to wait, in seconds, if it said so.
        is_unsent: no connection was made: the server saw nothing of the call, and cannot have billed it.
    """

    def __init__(self, message: str, error_class: ErrorClass, *, retry_after_s: float | None = None, is_unsent: bool = False) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.retry_after_s = retry_after_s
        self.is_unsent = is_unsent
