"""Waiting for another program to let go of the store: said at once, bounded, and ended by a request to stop.

with waiting_at_most(5.0):
    store = RunStore.open("store.db")
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from epm import stopping
from epm.errors import StoreLockedError
from epm.store.server_faults import LOCK_STATES, server_fault

LONGEST_WAIT_S = 30.0
"""Far longer than one commit of ours takes (tens of milliseconds); as long as writers were waited for before it could be set."""
TRY_FOR_MS = 500
"""How long the database itself waits at each try: so soon a request to stop is heeded."""
_TELL_AFTER_S = 1.0
"""Two busy commands wait for each other for less; whoever waits longer wants to know what for."""
ANOTHER_PROGRAM = "the program that is writing to it (another epm command, a database browser, a backup)"
"""Who has the lock, as far as is known."""
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PRIMARY_CODE = 0xFF
"""SQLite's extended codes keep the primary one in their last byte."""

_LOG = logging.getLogger("epm.store")
_LONGEST: ContextVar[float] = ContextVar("epm_store_wait_s", default=LONGEST_WAIT_S)

R = TypeVar("R")


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Stores that are opened inside the block wait no longer than this for their lock."""
    token = _LONGEST.set(seconds)
    try:
        yield
    finally:
        _LONGEST.reset(token)


def longest_wait_s() -> float:
    """The bound in force."""
    return _LONGEST.get()


def is_locked(error: BaseException | None) -> bool:
    """True when the database says that another connection holds the lock."""
    fault = server_fault(error)
    if fault is not None:
        return fault.state in LOCK_STATES
    reason = getattr(error, "orig", None) or error
    code = getattr(reason, "sqlite_errorcode", None)
    return isinstance(code, int) and code & _PRIMARY_CODE in _LOCKED


def locked(place: str, whom: str, waited_s: float, *, doing: str) -> StoreLockedError:
    """The error for a store whose lock was waited for in vain."""
    return StoreLockedError(
        f"cannot {doing} store {place!r}: it is locked, and still was after {waited_s:.0f} s; wait for {whom} to let go of it, "
        "then repeat the command: what was written before is kept (epm --store-wait-s N … waits longer)"
    )


@dataclass(frozen=True, slots=True)
class Patience:
    """How one store waits for its lock. ``whom`` says who may hold it."""

    place: str
    longest_s: float
    whom: Callable[[], str]

    def attempt(self, operation: Callable[[], R], *, doing: str, start_s: float | None = None) -> R:
        """What the operation returns, tried until it finds no lock; it must leave nothing behind where it fails.

        The wait counts from ``start_s`` of the monotonic clock where that is given, and from now else.

        Raises:
            StoreLockedError: it found one for as long as is waited, or the process was asked to stop.
        """
        start_s, is_told = time.monotonic() if start_s is None else start_s, False
        while True:
            try:
                return operation()
            except (SQLAlchemyError, sqlite3.Error) as error:
                if not is_locked(error):
                    raise
                waited_s = time.monotonic() - start_s
                if waited_s >= self.longest_s or (stopping.is_requested() and not stopping.is_draining()):
                    raise locked(self.place, self.whom(), waited_s, doing=doing) from error
                if waited_s >= _TELL_AFTER_S and not is_told:
                    _LOG.warning("store %r is locked: wait for %s, up to %g s", self.place, self.whom(), self.longest_s)
                    is_told = True
