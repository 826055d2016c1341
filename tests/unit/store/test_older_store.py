"""A store that an older epm made is read and written on; what it never noted is said to be unknown."""

from __future__ import annotations

import asyncio

from epm.gateway.ledger import CallRecord
from epm.gateway.request import CallScope, Usage
from epm.store.launch import Launch, add_launch, latest_launch
from epm.store.render import summary_text
from epm.store.schema import SCHEMA_VERSION
from epm.store.store import RunStore
from store_sql import run_sql


def test_columns_and_tables_that_are_missing_are_added_and_old_rows_stay(filled: tuple[str, str]) -> None:
    address, run_id = filled
    run_sql(
        address,
        "ALTER TABLE calls DROP COLUMN host",
        "ALTER TABLE calls DROP COLUMN sent",
        "DROP TABLE launches",
        "UPDATE store_version SET version = 1",
    )
    with RunStore.open(address) as store:
        summary = store.run_summary(run_id)
        assert (summary.n_calls, summary.sent, summary.n_sent_unrecorded) == (5, (), 5)
        assert "5 calls whose host and fields were not recorded" in summary_text(summary)
        assert latest_launch(store, run_id, "teach") is None
        add_launch(store, Launch(run_id, "teach", None, {"concurrency": 3}))
        call = CallRecord(CallScope(run_id, "p1", "r"), "k9", "t", "m", "m", 1, Usage(1, 1), 0.0, 0.0, 9.0, host="http://h:1", sent="title")
        asyncio.run(store.record_call(call, None))
    with RunStore.open(address) as store:
        [to] = store.run_summary(run_id).sent
        launch = latest_launch(store, run_id, "teach")
    assert (to.host, to.n_calls, to.fields) == ("http://h:1", 1, ("title",))
    assert launch == Launch(run_id, "teach", None, {"concurrency": 3})


def test_a_store_of_version_1_gets_everything_at_once_and_then_says_its_version(filled: tuple[str, str]) -> None:
    address, run_id = filled
    run_sql(
        address,
        "ALTER TABLE calls DROP COLUMN host",
        "ALTER TABLE calls DROP COLUMN sent",
        "DROP TABLE launches",
        "DROP TABLE budgets",
        "UPDATE store_version SET version = 1",
    )
    with RunStore.open(address) as store:
        assert store.budget("spring", 5.0).left_usd() == 5.0
        add_launch(store, Launch(run_id, "teach", None, {}))
        assert store.run_summary(run_id).n_sent_unrecorded == 5
    assert run_sql(address, "SELECT version FROM store_version") == [(SCHEMA_VERSION,)]


def test_what_left_the_machine_is_told_by_host_with_the_fields(filled: tuple[str, str]) -> None:
    address, run_id = filled
    with RunStore.open(address) as store:
        elsewhere = CallRecord(
            CallScope(run_id, "p1", "r"), "k9", "t", "m", "m", 1, Usage(1, 1), 0.0, 0.0, 9.0, host="http://h:1", sent="price title"
        )
        hit = CallRecord(CallScope(run_id, "p1", "r"), "k1", "litellm", "m", "m", 1, Usage(1, 1), 0.0, 0.0, 9.0, is_cached=True)
        asyncio.run(store.record_call(elsewhere, None))
        asyncio.run(store.record_call(hit, None))
        summary = store.run_summary(run_id)
    assert [(to.host, to.n_calls, to.fields) for to in summary.sent] == [
        ("http://127.0.0.1:9", 5, ("brand", "title")), ("http://h:1", 1, ("price", "title")),
    ]  # fmt: skip
    assert summary.n_sent_unrecorded == 0
    text = summary_text(summary)
    assert "\nstayed on this machine: 5 calls to http://127.0.0.1:9 with brand, title\n" in text
    assert "\nleft this machine: 1 calls to http://h:1 with price, title" in text
    assert "left this machine: nothing" not in text
