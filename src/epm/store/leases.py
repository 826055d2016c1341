"""Who works on which run: a row for each command at work, so that a second start of the same run is refused.

A lease ends with its command. What a killed command leaves behind is taken over: at once where its process is seen to have
ended, else when its last sign of life is too old. Clocks of several machines that share a store must agree to a minute.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, select, update

from epm.errors import RunHeldError
from epm.store.missing import insert_missing
from epm.store.process_mark import ProcessMark, is_running, own_process
from epm.store.schema import leases
from epm.store.stored_row import DamagedRowError, StoredRow

BEAT_EVERY_S = 20.0
"""Argued, not measured: one small write in 20 s costs nothing beside the calls of a run."""
EXPIRES_AFTER_S = 120.0
"""Six missed signs of life: longer than a writer waits for a locked store (30 s), and two clocks may differ by a minute."""


DECIDING = "match, bench or audit"
"""The work of commands that decide pairs under no run: what stands for the run then is a hash of pairs, matcher and model."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One command at work on a run. ``owner`` is the store object that took it, since when and last seen in epoch seconds."""

    run_id: str
    work: str
    owner: str
    process: ProcessMark
    since_s: float
    beat_at_s: float

    def is_over(self, now_s: float) -> bool:
        """True when nobody works under it any more.

        On its own machine a process that stands still, as one of a sleeping laptop, is no dead one.
        """
        is_seen_running = is_running(self.process)
        return now_s - self.beat_at_s > EXPIRES_AFTER_S if is_seen_running is None else not is_seen_running

    def described(self) -> str:
        """By whom, and since when."""
        since = datetime.fromtimestamp(self.since_s).astimezone().isoformat(sep=" ", timespec="seconds")
        return f"process {self.process.pid} on host {self.process.host!r} ('epm {self.work}', since {since})"

    def refusal(self, now_s: float) -> str:
        """Why the run cannot be worked on now, and what to do."""
        remedy = "wait until it has ended, or stop it, then repeat the command"
        if is_running(self.process) is None:
            left_s = max(1, round(EXPIRES_AFTER_S - (now_s - self.beat_at_s)))
            remedy += f"; whether it still runs cannot be seen from here: without a sign of life its lease ends in {left_s} s"
        what = f"run {self.run_id} is being worked on" if self.work != DECIDING else "these pairs are being decided in the same way"
        return f"{what} by {self.described()}: {remedy}"


def take(connection: Connection, run_id: str, work: str, owner: str) -> bool:
    """True when the lease is new, false when the owner had it already.

    Raises:
        RunHeldError: another one has it.
    """
    now_s, mine = time.time(), own_process()
    standing = _find(connection, run_id, work)
    if standing is not None and standing.owner == owner:
        return False
    if standing is not None:
        _refuse_unless_over(standing, now_s)
    for lease in _readable_leases(connection):
        if lease.is_over(now_s):  # of this run, and what other killed commands left behind
            release(connection, lease.run_id, lease.work, lease.owner)
    row = {
        "run_id": run_id, "work": work, "owner": owner, "pid": mine.pid, "host": mine.host, "machine": mine.machine,
        "process_started": mine.started, "since_s": now_s, "beat_at_s": now_s,
    }  # fmt: skip
    insert_missing(connection, leases, row)  # on Postgres another one may have come first
    standing = _find(connection, run_id, work)
    if standing is not None and standing.owner != owner:
        _refuse_unless_over(standing, now_s)
    return True


def refuse_if_held(connection: Connection, run_id: str, work: str, owner: str) -> None:
    """Nothing, where nobody else works on the run.

    Raises:
        RunHeldError: somebody does; says who, since when, and what to do.
    """
    standing = _find(connection, run_id, work)
    if standing is not None and standing.owner != owner:
        _refuse_unless_over(standing, time.time())


def beat(connection: Connection, run_id: str, work: str, owner: str) -> bool:
    """False when the lease is no longer the owner's: it was silent for too long, and another one took the run."""
    changed = update(leases).where(_is(run_id, work), leases.c.owner == owner).values(beat_at_s=time.time())
    return connection.execute(changed).rowcount == 1


def release(connection: Connection, run_id: str, work: str, owner: str) -> int:
    """How many leases ended: one, or none where it was lost."""
    return connection.execute(delete(leases).where(_is(run_id, work), leases.c.owner == owner)).rowcount


def live_leases(connection: Connection) -> Sequence[Lease]:
    """The commands at work on the store, the earliest first."""
    now_s = time.time()
    return [lease for lease in _readable_leases(connection) if not lease.is_over(now_s)]


def _readable_leases(connection: Connection) -> Iterator[Lease]:
    """All but damaged ones, which are told by whoever starts their run."""
    for row in connection.execute(select(leases).order_by(leases.c.since_s)).mappings().all():
        with suppress(DamagedRowError):
            yield _lease(row)


def _refuse_unless_over(lease: Lease, now_s: float) -> None:
    if not lease.is_over(now_s):
        raise RunHeldError(lease.refusal(now_s))


def _is(run_id: str, work: str) -> ColumnElement[bool]:
    return and_(leases.c.run_id == run_id, leases.c.work == work)


def _find(connection: Connection, run_id: str, work: str) -> Lease | None:
    row = connection.execute(select(leases).where(_is(run_id, work))).mappings().one_or_none()
    return None if row is None else _lease(row)


def _lease(row: RowMapping) -> Lease:
    stored = StoredRow("leases", cast("Mapping[str, object]", row), "run_id", "work")
    process = ProcessMark(stored.integer("pid"), stored.text("host"), stored.text("machine"), stored.text_or_none("process_started"))
    return Lease(
        stored.text("run_id"), stored.text("work"), stored.text("owner"), process, stored.number("since_s"), stored.number("beat_at_s")
    )
