"""Working on a run as the only process that does.

with holding(store, run_id, "teach") as held:
    for item in items:
        held.check()
        ...
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from epm.errors import RunHeldError, StoreError
from epm.store import leases
from epm.store.store import RunStore


class HeldRun:
    """A run that this store has the lease of. Its thread gives signs of life until ``let_go``."""

    def __init__(self, store: RunStore, run_id: str, work: str) -> None:
        self.store = store
        self.run_id = run_id
        self._work = work
        self.is_lost = False
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="epm-lease", daemon=True)
        self._heart.start()

    def check(self) -> None:
        """Nothing, while the lease is ours.

        Raises:
            RunHeldError: no sign of life came through for so long that another process took the run.
        """
        if self.is_lost:
            raise RunHeldError(
                f"run {self.run_id}: no sign of life of this command reached the store for {leases.EXPIRES_AFTER_S:.0f} s, and another "
                "process took the run over; what was done is kept: wait until that one has ended, then repeat the command"
            )

    def let_go(self) -> None:
        """End the signs of life."""
        self._ended.set()
        self._heart.join()

    def _beat(self) -> None:
        while not self._ended.wait(leases.BEAT_EVERY_S):
            # a store that is locked or full is told by the command's own writes
            with suppress(StoreError):
                self.is_lost = not self.store.write(lambda c: leases.beat(c, self.run_id, self._work, self.store.owner))


@contextmanager
def holding(store: RunStore, run_id: str, work: str) -> Iterator[HeldRun]:
    """The run, which no other process works on inside the block; the same store may hold it more than once.

    Args:
        store: an open store.
        run_id: the full id.
        work: the command, such as ``teach``: a run may be taught and judged at a time, but neither twice.

    Raises:
        RunHeldError: another process works on it; says which, since when, and what to do.
    """
    is_new = store.write(lambda connection: leases.take(connection, run_id, work, store.owner))
    held = HeldRun(store, run_id, work)
    try:
        yield held
    finally:
        held.let_go()
        if is_new:
            with suppress(StoreError):  # one that cannot be ended now ends with this process
                store.write(lambda connection: leases.release(connection, run_id, work, store.owner))
