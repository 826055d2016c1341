"""What is purged is in no byte of the store, and the figures stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from epm.cli import data
from epm.errors import ConfigError, EpmError, StoreError
from epm.store.purge import What, purge_listing, purge_older
from epm.store.store import RunStore
from store_sql import run_sql

CANARY = b"quillfeather"
FilesHolding = Callable[[bytes], list[str]]
DAY_S = 86_400.0


def invoke(*arguments: object) -> tuple[str, EpmError | None]:
    app = typer.Typer()
    data.register(app)
    done = CliRunner().invoke(app, ["data", "purge", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, EpmError | SystemExit), done.exception
    return done.stdout, done.exception if isinstance(done.exception, EpmError) else None


def test_a_purged_listing_is_in_no_byte_and_the_figures_are_as_before(filled: tuple[str, str], files_holding: FilesHolding) -> None:
    address, run_id = filled
    assert files_holding(CANARY)
    with RunStore.open(address) as store:
        before = store.run_summary(run_id)
    report = purge_listing(address, "L1", is_wanted=True)
    assert files_holding(CANARY) == []
    with RunStore.open(address) as store:
        after = store.run_summary(run_id)
        items = {item.item_id: item for item in store.items(run_id)}
        [judgement] = list(store.judgements(run_id))
    figures = (
        "n_done",
        "n_failed",
        "n_calls",
        "n_calls_failed",
        "prompt_tokens",
        "completion_tokens",
        "cost_usd",
        "mean_latency_s",
        "sent",
    )
    assert [getattr(after, name) for name in figures] == [getattr(before, name) for name in figures]
    decision = items["p1"].decision
    assert (decision.label, decision.relation, decision.cost_usd, decision.rationale) == ("no_match", "different", 0.5, None)
    assert decision.provenance == {"n_calls": 3, "matcher": "m"}
    assert (items["p1"].pair.left.id, items["p1"].pair.left.title, items["p1"].pair.gold_label) == ("L1", "[purged]", "no_match")
    assert [(score.score, score.level, score.unscored_reason) for score in judgement.scores] == [
        (0.5, "partial", None),
        (None, None, "timeout: [purged]"),
    ]
    assert (report.n_items, report.n_pairs, report.n_rationales, report.n_judgements) == (1, 1, 1, 1)
    assert (report.n_call_errors, report.n_replies) == (2, 3)


def test_other_listings_keep_their_text(filled: tuple[str, str]) -> None:
    address, run_id = filled
    purge_listing(address, "L1", is_wanted=True)
    with RunStore.open(address) as store:
        items = {item.item_id: item for item in store.items(run_id)}
        assert items["p1"].pair.right.title == "kettle of another kind"
        assert items["p2"].pair.left.title == "Kolvra toaster"
        assert items["p3"].decision.rationale is not None  # it only saw the listing as a rival
        assert dict(items["p3"].decision.provenance) == {"n_calls": 2}
        assert store.cached("k4") is not None
        assert store.cached("k3") is None


def test_without_yes_nothing_changes_and_what_would_go_is_counted(filled: tuple[str, str], files_holding: FilesHolding) -> None:
    address, _ = filled
    counted = purge_listing(address, "L1", is_wanted=False)
    assert files_holding(CANARY)
    done = purge_listing(address, "L1", is_wanted=True)
    same = ("n_items", "n_pairs", "n_rationales", "n_judgements", "n_call_errors", "n_replies")
    assert [getattr(counted, name) for name in same] == [getattr(done, name) for name in same]
    assert (counted.is_done, done.is_done) == (False, True)


def test_a_listing_that_is_nowhere_is_refused_and_a_second_purge_finds_nothing_left(filled: tuple[str, str]) -> None:
    address, _ = filled
    with pytest.raises(StoreError, match="'L9' is in no pair"):
        purge_listing(address, "L9", is_wanted=True)
    purge_listing(address, "L1", is_wanted=True)
    again = purge_listing(address, "L1", is_wanted=True)
    assert (again.n_pairs, again.n_rationales, again.n_replies) == (0, 0, 0)


def age(address: str, days: float) -> None:
    """Make everything in the store so old."""
    aged = (("runs", "created_at_s"), ("runs", "finished_at_s"), ("items", "finished_at_s"))
    for table, column in (*aged, ("cache", "created_at_s"), ("failed_replies", "created_at_s")):
        run_sql(address, f"UPDATE {table} SET {column} = {column} - {days * DAY_S}")  # noqa: S608  # our own names


@pytest.mark.parametrize(
    ("what", "keeps_cache", "keeps_text"), [(What.CACHE, False, True), (What.RUNS, True, False), (What.ALL, False, False)]
)
def test_what_is_older_goes_and_figures_stay(
    filled: tuple[str, str], files_holding: FilesHolding, what: What, keeps_cache: bool, keeps_text: bool
) -> None:
    address, run_id = filled
    age(address, 91)
    report = purge_older(address, 90 * DAY_S, what, is_wanted=True)
    with RunStore.open(address) as store:
        summary = store.run_summary(run_id)
        assert (store.cached("k4") is not None) == keeps_cache
        assert ([item.pair.right.title != "[purged]" for item in store.items(run_id)]) == [keeps_text] * 3
    assert (summary.n_calls, summary.cost_usd) == (5, 1.25)
    assert bool(files_holding(CANARY)) == (keeps_cache or keeps_text)
    assert report.n_replies == (0 if keeps_cache else 4)


def test_what_is_younger_stays(filled: tuple[str, str], files_holding: FilesHolding) -> None:
    address, _ = filled
    age(address, 89)
    report = purge_older(address, 90 * DAY_S, What.ALL, is_wanted=True)
    assert (report.n_pairs, report.n_replies) == (0, 0)
    assert files_holding(CANARY)


def test_the_store_shrinks(filled: tuple[str, str]) -> None:
    address, _ = filled
    # digests: the server would press a text of one letter together
    text = "".join(sha256(str(i).encode()).hexdigest() for i in range(160))
    run_sql(address, *(f"INSERT INTO cache VALUES ('old{i}', '{text}', 0)" for i in range(300)))  # noqa: S608  # our own text
    report = purge_older(address, DAY_S, What.CACHE, is_wanted=True)
    assert report.bytes_before > 3_000_000
    if "://" not in address:
        assert report.bytes_after == Path(address).stat().st_size < 200_000
    else:
        assert report.bytes_after < 700_000  # 16 tables and their indexes are at least a page each


def test_another_process_in_the_way_is_told_and_the_text_is_gone_all_the_same(
    filled: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, run_id = filled
    monkeypatch.setattr("epm.store.compacting._BUSY_TIMEOUT_S", 0.1)
    with RunStore.open_to_read(address) as other, other._reader.connect() as reader:
        reader.exec_driver_sql("BEGIN" if "://" not in address else "SELECT 1")
        reader.exec_driver_sql("SELECT count(*) FROM items").fetchone()
        with pytest.raises(StoreError, match=r"stop other epm commands"):
            purge_listing(address, "L1", is_wanted=True)
    with RunStore.open(address) as store:
        assert {item.pair.left.title for item in store.items(run_id)} == {"[purged]", "Kolvra toaster"}


def test_the_command_asks_for_yes_says_what_it_removed_and_refuses_what_it_cannot_read(
    filled: tuple[str, str], files_holding: FilesHolding
) -> None:
    address, _ = filled
    shown, refused = invoke("--listing", "L1", "--store", address)
    assert "would remove: items 1" in shown
    assert "--yes" in str(refused)
    assert files_holding(CANARY)
    shown, refused = invoke("--listing", "L1", "--store", address, "--yes", "--json")
    assert refused is None
    assert json.loads(shown)["n_pairs"] == 1
    for arguments in (("--store", address), ("--listing", "L1", "--older-than", "9d"), ("--older-than", "soon")):
        assert isinstance(invoke(*arguments)[1], ConfigError)


def test_what_a_purge_cannot_take_from_a_server_is_said(filled: tuple[str, str]) -> None:
    address, _ = filled
    shown, _ = invoke("--listing", "L1", "--store", address, "--yes")
    is_server = "://" in address
    assert ("store tables: " in shown, "store file: " in shown) == (is_server, not is_server)
    assert ("write-ahead log, replicas and backups may hold the text" in shown) == is_server
