"""Leases in a real store; two store objects at one place stand for two processes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import update

from epm.errors import RunHeldError, StoreError
from epm.store import leases
from epm.store.holding import holding
from epm.store.process_mark import own_process
from epm.store.records import RunSpec, RunStatus
from epm.store.schema import SCHEMA_VERSION
from epm.store.schema import leases as table
from epm.store.store import RunStore
from store_sql import run_sql

SPEC = RunSpec("teach", "in", "m", "p", "rules", 0)


@pytest.fixture
def stores(address: str) -> Iterator[tuple[RunStore, RunStore]]:
    with RunStore.open(address) as first, RunStore.open(address) as second:
        yield first, second


def change(store: RunStore, **values: object) -> None:
    store.write(lambda connection: connection.execute(update(table).values(**values)).rowcount)


def n_leases(store: RunStore) -> int:
    return len(store.read(leases.live_leases))


def test_a_held_run_is_refused_with_process_host_start_and_remedy_and_stays_as_it_is(stores: tuple[RunStore, RunStore]) -> None:
    first, second = stores
    run_id = first.begin(SPEC).run_id
    with holding(first, run_id, "teach"):
        mine = own_process()
        told = rf"run {run_id} is being worked on by process {mine.pid} on host '{re.escape(mine.host)}' \('epm teach', since 20.*\): wait"
        with pytest.raises(RunHeldError, match=told):
            second.write(lambda connection: leases.take(connection, run_id, "teach", second.owner))
        first.finish_run(run_id, RunStatus.DONE)
        for start_again in (lambda: second.begin(SPEC), lambda: second.resume(run_id)):
            with pytest.raises(RunHeldError, match=told):
                start_again()
        assert second.run(run_id).status is RunStatus.DONE
        assert second.begin(SPEC, fresh=True).run_id != run_id
    with holding(second, run_id, "teach"):
        assert n_leases(first) == 1
    assert n_leases(first) == 0


def test_one_store_may_hold_a_run_twice_and_a_run_is_taught_and_judged_at_a_time(stores: tuple[RunStore, RunStore]) -> None:
    first, second = stores
    run_id = first.begin(SPEC).run_id
    with holding(first, run_id, "teach"), holding(first, run_id, "teach"):
        with holding(second, run_id, "judge score"):
            assert n_leases(first) == 2
        assert n_leases(first) == 1
    assert n_leases(first) == 0


def test_a_lease_ends_however_its_command_does(stores: tuple[RunStore, RunStore]) -> None:
    first, second = stores
    run_id = first.begin(SPEC).run_id
    for error in (KeyboardInterrupt, SystemExit, RuntimeError):
        with pytest.raises(error), holding(first, run_id, "teach"):
            raise error
    with holding(second, run_id, "teach"):
        pass


@pytest.mark.parametrize("gone", [{"process_started": "0"}, {"pid": 2**22 + 1}], ids=["its-id-given-out-again", "no-such-process"])
def test_a_dead_process_of_this_machine_holds_nothing(stores: tuple[RunStore, RunStore], gone: dict[str, object]) -> None:
    first, second = stores
    run_id = first.begin(SPEC).run_id
    first.write(lambda connection: leases.take(connection, run_id, "teach", first.owner))
    change(first, **gone)
    assert second.begin(SPEC).is_resumed
    with holding(second, run_id, "teach"):
        assert n_leases(first) == 1


def test_another_machines_lease_ends_when_no_sign_of_life_came_for_two_minutes(stores: tuple[RunStore, RunStore]) -> None:
    first, second = stores
    run_id = first.begin(SPEC).run_id
    first.write(lambda connection: leases.take(connection, run_id, "teach", first.owner))
    change(first, machine="elsewhere", host="elsewhere", pid=1, beat_at_s=time.time() - 100)
    with pytest.raises(RunHeldError, match=r"process 1 on host 'elsewhere' .* cannot be seen .* its lease ends in (19|20|21) s"):
        second.begin(SPEC)
    assert first.write(lambda connection: leases.beat(connection, run_id, "teach", first.owner))
    with pytest.raises(RunHeldError, match=r"ends in (119|120) s"):
        second.begin(SPEC)
    change(first, beat_at_s=time.time() - 121)
    with holding(second, run_id, "teach"):
        assert not first.write(lambda connection: leases.beat(connection, run_id, "teach", first.owner))


def test_a_command_whose_lease_was_taken_over_is_told(stores: tuple[RunStore, RunStore], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = stores
    monkeypatch.setattr("epm.store.leases.BEAT_EVERY_S", 0.05)
    run_id = first.begin(SPEC).run_id
    with holding(first, run_id, "teach") as held:
        held.check()
        change(first, machine="elsewhere", beat_at_s=0.0, owner="asleep")
        with holding(second, run_id, "teach"):
            until = time.monotonic() + 10
            while not held.is_lost and time.monotonic() < until:
                time.sleep(0.01)
            with pytest.raises(RunHeldError, match="another process took the run over"):
                held.check()
        assert n_leases(second) == 0


def test_signs_of_life_are_given(stores: tuple[RunStore, RunStore], monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = stores
    monkeypatch.setattr("epm.store.leases.BEAT_EVERY_S", 0.05)
    run_id = first.begin(SPEC).run_id
    with holding(first, run_id, "teach"):
        change(first, beat_at_s=1.0)
        until = time.monotonic() + 10
        while first.read(leases.live_leases)[0].beat_at_s == 1.0:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_store_of_version_3_gets_leases_and_then_says_its_version(address: str) -> None:
    with RunStore.open(address) as store:
        run_id = store.begin(SPEC).run_id
    run_sql(address, "DROP TABLE leases", "UPDATE store_version SET version = 3")
    with RunStore.open_to_read(address) as store:
        assert store.read(leases.live_leases) == []
    with RunStore.open(address) as store, holding(store, run_id, "teach"):
        assert n_leases(store) == 1
        assert store.read(lambda connection: connection.exec_driver_sql("SELECT version FROM store_version").scalar_one()) == SCHEMA_VERSION


def test_a_damaged_lease_is_told_and_holds_the_run(stores: tuple[RunStore, RunStore], address: str) -> None:
    first, second = stores
    run_id = first.begin(SPEC).run_id
    first.write(lambda connection: leases.take(connection, run_id, "teach", first.owner))
    # a server keeps no bytes in a column of text
    change(first, **({"since_s": 1e301} if "://" in address else {"host": b"\xff"}))
    with pytest.raises(StoreError, match="table leases"):
        second.begin(SPEC)


def test_what_is_shown_of_a_lease_names_the_process_and_the_command() -> None:
    lease = leases.Lease("ab" * 6, "judge score", "o", replace(own_process(), host="box"), 1.8e9, 1.8e9)
    assert lease.described().startswith(f"process {os.getpid()} on host 'box' ('epm judge score', since 2027-01-1")
