"""A store that another connection holds the write lock of."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from epm.errors import StoreError, StoreLockedError
from epm.gateway.ledger import CallRecord
from epm.gateway.request import CallScope, Usage
from epm.store import leases
from epm.store.holding import holding
from epm.store.locked import waiting_at_most
from epm.store.records import RunSpec
from epm.store.schema import leases as table
from epm.store.store import RunStore

SPEC = RunSpec("teach", "in", "m", "p", "rules", 0)
CALL = CallRecord(CallScope("r", "p1", "teacher/decide"), "k", "t", "a", "b", 1, Usage(1, 1), 0.5, 0.0, 0.0)


@contextmanager
def locked(path: Path, statement: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(statement)
        yield other
        if other.in_transaction:
            other.execute("ROLLBACK")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with RunStore.open(tmp_path / "s.db"):
        return tmp_path / "s.db"


def test_opening_says_what_it_waits_for_and_gives_up_at_the_bound(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    start = time.monotonic()
    with (
        locked(path),
        waiting_at_most(1.6),
        caplog.at_level(logging.WARNING, "epm.store"),
        pytest.raises(StoreLockedError, match=r"cannot open store .* it is locked, and still was after 2 s; wait for the program that"),
    ):
        RunStore.open(path)
    assert 1.6 <= time.monotonic() - start < 8
    [told] = caplog.messages
    assert "is locked: wait for the program that is writing to it" in told
    assert told.endswith("up to 1.6 s")


def test_a_lock_that_is_let_go_in_time_is_only_waited_for(path: Path) -> None:
    with RunStore.open(path) as store, locked(path) as other:
        timer = threading.Timer(0.7, other.execute, ("ROLLBACK",))
        timer.start()
        assert store.begin(SPEC).repeat == 0
        timer.join()


def test_whoever_works_on_the_store_is_named(path: Path) -> None:
    with RunStore.open(path) as store, waiting_at_most(0.1):
        run_id = store.begin(SPEC).run_id
        with holding(store, run_id, "teach"):
            store.write(lambda c: c.execute(table.update().values(pid=4711, machine="elsewhere", host="box", owner="o")).rowcount)
            with locked(path), pytest.raises(StoreLockedError, match=r"wait for process 4711 on host 'box' \('epm teach', since 20"):
                RunStore.open(path)
            assert store.write(lambda connection: leases.release(connection, run_id, "teach", "o")) == 1


def test_every_write_of_a_group_is_refused_at_once_and_the_next_ones_do_not_wait_as_long(path: Path) -> None:
    async def write_many(store: RunStore) -> list[object]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(store.record_call(CALL, None) for _ in range(40)), return_exceptions=True)

    with waiting_at_most(1.5), RunStore.open(path) as store:
        with locked(path):
            start = time.monotonic()
            refused = asyncio.run(write_many(store))
            assert all(isinstance(error, StoreLockedError) for error in refused)
            assert time.monotonic() - start < 8, "one wait for all, and a short one for those that came meanwhile"
        assert asyncio.run(write_many(store)) == [None] * 40
        assert len(list(store.calls("r"))) == 40


def test_a_row_that_nobody_waited_for_and_that_was_lost_is_told_by_the_next_write_of_a_result(path: Path) -> None:
    with waiting_at_most(0.1), RunStore.open(path) as store:
        run_id = store.begin(SPEC).run_id
        with locked(path):
            store.post_call(CALL)
            with pytest.raises(StoreLockedError):
                store.begin(SPEC)
        with pytest.raises(StoreLockedError, match="cannot write store"):
            asyncio.run(store.add_judgements(run_id, []))


def test_a_store_that_is_held_exclusively_is_told_by_readers_too(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM budgets")
        other.execute("COMMIT")
        for opening in (RunStore.open, RunStore.open_to_read):
            with waiting_at_most(0.3), pytest.raises(StoreLockedError, match=r"is locked.*wait for "):
                opening(path)


def test_other_failures_are_not_waited_for(path: Path) -> None:
    with RunStore.open(path) as store, pytest.raises(StoreError, match="no such table"):
        store.write(lambda connection: connection.exec_driver_sql("DELETE FROM nowhere").rowcount)
