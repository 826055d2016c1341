"""The one writer: a thread that owns the only writing connection and commits in groups.

Whatever is waiting when a commit begins shares it, so many small writes cost few disk flushes, and each caller still
knows when its own write is durable.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from epm.errors import StoreError, StoreLockedError
from epm.store.failures import failure
from epm.store.locked import Patience

_GROUP_SIZE = 256
"""Most writes in one commit: keeps the wait of the first one short."""
_LONGEST_WAIT_AGAIN_S = 1.0
"""Once the lock was waited for in vain the command is ending: each of its last writes must not wait as long again."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Write:
    operation: Callable[[Connection], object]
    done: Future[object]
    is_awaited: bool = True


class StoreWriter:
    """Runs operations one after another in its thread; each is all or nothing."""

    def __init__(self, engine: Engine, *, place: str, patience: Patience) -> None:
        self._engine = engine
        self._place = place
        self._patience = patience
        self._longest_wait_s = patience.longest_s
        self._lost: StoreError | None = None
        self._waiting: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._is_open = True
        self._thread = threading.Thread(target=self._work, name="epm-store-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Callable[[Connection], R]) -> Future[R]:
        """Queue an operation; the future is set after its commit.

        Raises:
            StoreError: the store is closed.
        """
        if not self._is_open:
            raise StoreError(f"store {self._place!r} is closed; open it again")
        done: Future[R] = Future()
        self._waiting.put(_Write(operation, done))  # type: ignore[arg-type]  # one queue for every result type
        return done

    def post(self, operation: Callable[[Connection], object]) -> None:
        """Queue an operation that nobody waits for; where it fails, ``raise_lost`` says so.

        Raises:
            StoreError: the store is closed.
        """
        self.submit(operation).add_done_callback(self._note_lost)

    def raise_lost(self) -> None:
        """Nothing, when every posted operation so far was committed.

        Raises:
            StoreError: one was not, so that what the store says of money is not all.
        """
        if self._lost is not None:
            raise self._lost

    def close(self) -> None:
        """Commit what is queued and stop."""
        self._is_open = False
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            group, is_last = self._next_group()
            if group and not self._commit(group):
                for write in group:  # one of them failed: each again on its own, so that only that one reports it
                    self._commit([write], must_report=True)

    def _next_group(self) -> tuple[list[_Write], bool]:
        group: list[_Write] = []
        write = self._waiting.get()
        while write is not None:
            # a caller that stopped waiting has still paid: its row is written all the same
            group.append(replace(write, is_awaited=write.done.set_running_or_notify_cancel()))
            if len(group) == _GROUP_SIZE:
                return group, False
            try:
                write = self._waiting.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Write], *, must_report: bool = False) -> bool:
        try:
            results = self._patience.attempt(lambda: self._in_one(group), doing="write", longest_s=self._longest_wait_s)
        except StoreLockedError as error:  # it would keep every other of them waiting as long
            self._longest_wait_s = min(self._longest_wait_s, _LONGEST_WAIT_AGAIN_S)
            self._fail(group, error)
            return True
        except Exception as error:  # noqa: BLE001  # the caller of the operation raises it in its own thread
            if must_report or len(group) == 1:
                self._fail(group, self._to_store_error(error))
                return True
            return False
        self._longest_wait_s = self._patience.longest_s
        for write, result in zip(group, results, strict=True):
            if write.is_awaited:
                write.done.set_result(result)
        return True

    def _in_one(self, group: list[_Write]) -> list[object]:
        with self._engine.begin() as connection:
            return [write.operation(connection) for write in group]

    def _fail(self, group: list[_Write], error: Exception) -> None:
        for write in group:
            if write.is_awaited:
                write.done.set_exception(error)
            elif isinstance(error, StoreError):
                self._lost = error

    def _note_lost(self, done: Future[object]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, StoreError):
            self._lost = error

    def _to_store_error(self, error: Exception) -> Exception:
        if not isinstance(error, SQLAlchemyError):
            return error
        remedy = "free the place or name another with --store, then repeat the command"
        told = failure(self._place, error, doing="write", remedy=remedy)
        told.__cause__ = error
        return told
