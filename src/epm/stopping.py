"""A request to stop, for the whole process: no new call begins, those in flight are finished.

Only the command line makes such requests (``cli/signals.py``). In a notebook nothing here ever happens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from epm.errors import RunStoppedError


class StopRequestedError(RunStoppedError):
    """A signal asked the command to stop; what was answered is kept."""


class _Stop:
    """What this process was asked, and what it has to finish. Touched by event loops and the signal handler."""

    def __init__(self) -> None:
        self.is_requested = False
        self.n_draining = 0
        self.calls: dict[object, float] = {}
        self.listeners: set[Callable[[], object]] = set()


_STOP = _Stop()


def is_requested() -> bool:
    """True once the process was asked to stop."""
    return _STOP.is_requested


def is_draining() -> bool:
    """True while work runs that finishes its calls before it stops."""
    return _STOP.n_draining > 0


def request() -> tuple[int, float]:
    """How many calls are in flight, and the longest time that one may take, in seconds. From now on none begins."""
    _STOP.is_requested = True
    for listener in list(_STOP.listeners):
        listener()
    timeouts_s = list(_STOP.calls.values())
    return len(timeouts_s), max(timeouts_s, default=0.0)


def check() -> None:
    """Do nothing unless the process was asked to stop.

    Raises:
        StopRequestedError: it was; the call in question was not sent.
    """
    if _STOP.is_requested:
        raise StopRequestedError("interrupted; repeat the command to resume")


@contextmanager
def draining() -> Iterator[None]:
    """Inside the block a request to stop waits for the calls in flight."""
    _STOP.n_draining += 1
    try:
        yield
    finally:
        _STOP.n_draining -= 1


@contextmanager
def call_in_flight(timeout_s: float) -> Iterator[None]:
    """Count one call that is sent, and how long it may take."""
    token = object()
    _STOP.calls[token] = timeout_s
    try:
        yield
    finally:
        del _STOP.calls[token]


@asynccontextmanager
async def let_go_on_stop() -> AsyncIterator[None]:
    """A wait that a request to stop ends at once.

    Raises:
        StopRequestedError: the process was asked to stop, before the wait or during it.
    """
    import asyncio  # half of the time that a help page takes, and the command line imports this module

    check()
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    is_waiting, is_cut = True, False

    def cut() -> None:
        nonlocal is_cut
        if is_waiting and task is not None:
            is_cut = True
            task.cancel()

    def listener() -> object:
        return None if loop.is_closed() else loop.call_soon_threadsafe(cut)

    _STOP.listeners.add(listener)
    try:
        yield
    except asyncio.CancelledError:
        if is_cut and task is not None and task.uncancel() == 0:
            check()
        raise
    finally:
        is_waiting = False
        _STOP.listeners.discard(listener)
