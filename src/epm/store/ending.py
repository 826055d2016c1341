"""How a run ended, written down whichever way that was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from epm.errors import BudgetError, RunHeldError, StoreError, StoreLockedError
from epm.stopping import StopRequestedError
from epm.store.records import RunStatus
from epm.store.store import RunStore

_CUTS = (asyncio.CancelledError, KeyboardInterrupt, StopRequestedError, StoreLockedError)


@contextmanager
def ending(store: RunStore, run_id: str, status: RunStatus) -> Iterator[None]:
    """At the end of the block the run has this status, or one that says what cut it short."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, RunHeldError):  # else the run is another process's now
            with suppress(StoreError):  # the first error is the one to tell
                store.finish_run(run_id, _status_after(error))
        raise
    store.finish_run(run_id, status)


def _status_after(error: BaseException) -> RunStatus:
    if isinstance(error, BudgetError):
        return RunStatus.BUDGET
    return RunStatus.INTERRUPTED if isinstance(error, _CUTS) else RunStatus.FAILED
