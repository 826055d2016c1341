from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from epm.cli import runs
from epm.cli.run_rows import MOST_CHARS
from epm.decision import Decision, Outcome
from epm.errors import ErrorClass, StoreError
from epm.gateway.ledger import CallRecord
from epm.gateway.request import CallScope, Usage
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.review.answer import Answer, Review
from epm.store.holding import holding
from epm.store.launch import Launch, add_launch
from epm.store.records import ItemResult, RunSpec
from epm.store.review_queue import add_reviews
from epm.store.run_figures import RunFigures, figures_by_run
from epm.store.store import RunStore


@pytest.fixture
def place(address: str) -> Path:
    async def fill(store: RunStore, run_id: str) -> None:
        pair = Pair("p1", Listing("l", "a"), Listing("r", "b"))
        await store.finish_item(run_id, ItemResult("p1", pair, Decision("p1", Outcome.DECIDED, label=Label.MATCH)))
        await store.finish_item(run_id, ItemResult("p2", pair, Decision.failed("p2", ErrorClass.TIMEOUT, "too late")))

    with RunStore.open(address) as store:
        asyncio.run(fill(store, store.begin(RunSpec("teach", "in", "multi-agent-rag", "p", "rules", 0, {"identity": "strict"})).run_id))
    return address


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    runs.register(app)
    return CliRunner().invoke(app, ["runs", *arguments], catch_exceptions=False)


def test_list_names_every_run_as_json_and_as_text(place: Path) -> None:
    listed = json.loads(invoke("list", "--store", str(place), "--json").stdout)["runs"]
    assert [(run["command"], run["matcher"], run["status"], run["settings"]) for run in listed] == [
        ("teach", "multi-agent-rag", "interrupted", {"identity": "strict"})  # begun, and nobody works on it any more
    ]
    assert listed[0]["run_id"] in invoke("list", "--store", str(place)).stdout


def test_a_run_that_a_process_works_on_is_running(place: Path) -> None:
    with RunStore.open(place) as store, holding(store, store.runs()[0].run_id, "teach"):
        assert json.loads(invoke("list", "--store", str(place), "--json").stdout)["runs"][0]["status"] == "running"


def test_list_says_how_far_each_run_came_and_what_it_cost(filled: tuple[str, str]) -> None:
    address, run_id = filled
    with RunStore.open(address) as store:
        add_launch(store, Launch(run_id, "teach", None, {"input_name": "offers.jsonl", "n_indexed_pairs": 5}))
        waits = Decision("p9", Outcome.ABSTAINED, provenance={"needs_review": True})
        pair = Pair("p9", Listing("l", "a"), Listing("r", "b"))
        asyncio.run(store.finish_item(run_id, ItemResult("p9", pair, waits)))
        store.begin(RunSpec("import explanations", "c0ffee" * 10, "recorded-explanations", "p", "m", 0))
    listed = {run["run_id"]: run for run in json.loads(invoke("list", "--store", str(address), "--json").stdout)["runs"]}
    of_run = listed[run_id]
    assert (of_run["n_done"], of_run["n_failed"], of_run["n_waiting"], of_run["n_items"], of_run["input_name"]) == (
        3,
        1,
        1,
        5,
        "offers.jsonl",
    )
    assert of_run["cost_usd"] == 1.25
    header, *lines = invoke("list", "--store", str(address)).stdout.splitlines()
    assert header.split() == ["run", "command", "input", "model", "started", "(UTC)", "done", "failed", "waiting", "cost", "status"]
    told = next(line for line in lines if line.startswith(run_id)).split()
    assert told[1:4] == ["teach", "offers.jsonl", "m"]
    assert told[6:] == ["3/5", "1", "1", "$1.2500", "done"]
    imported = next(line for line in lines if not line.startswith(run_id)).split()
    assert "c0ffeec0ffee" in imported
    assert imported[-5:] == ["0", "0", "0", "$0.0000", "interrupted"]


def test_a_retried_item_counts_once_and_an_answered_one_waits_no_more(place: Path) -> None:
    with RunStore.open(place) as store:
        run_id = store.runs()[0].run_id
        pair = Pair("p2", Listing("l", "a"), Listing("r", "b"))
        asyncio.run(store.finish_item(run_id, ItemResult("p2", pair, Decision.failed("p2", ErrorClass.TIMEOUT, "again"))))
        assert store.read(figures_by_run)[run_id] == RunFigures(1, 1)
        waits = Decision("p2", Outcome.ABSTAINED, provenance={"needs_review": True})
        asyncio.run(store.finish_item(run_id, ItemResult("p2", pair, waits)))
        assert store.read(figures_by_run)[run_id] == RunFigures(2, 0, n_waiting=1)
        store.write(lambda connection: add_reviews(connection, [Review(run_id, "p2", "ann", Answer.MATCH, None, None, 1.0)]))
        assert store.read(figures_by_run)[run_id] == RunFigures(2, 0)


def test_the_list_stays_narrow_and_obeys_no_name(place: Path) -> None:
    with RunStore.open(place) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", f"azure/{'x' * 200}-end", 0)).run_id
        add_launch(store, Launch(run_id, "teach", None, {"input_name": "\x1b[31m" + "a" * 200 + "\u202e.jsonl"}))
    shown = invoke("list", "--store", str(place)).stdout
    assert max(map(len, shown.splitlines())) <= MOST_CHARS
    assert shown.isascii() or set(shown) - set(map(chr, range(128))) == {"…"}
    assert "xxx-end" in shown
    assert ".jsonl" in shown


def test_show_gives_totals_and_failures_with_an_example(place: Path) -> None:
    run_id = json.loads(invoke("list", "--store", str(place), "--json").stdout)["runs"][0]["run_id"]
    shown = json.loads(invoke("show", run_id[:6], "--store", str(place), "--json").stdout)
    assert (shown["run"]["run_id"], shown["n_done"], shown["n_failed"], shown["cost_usd"]) == (run_id, 1, 1, 0.0)
    assert shown["failures"] == [{"error_class": "timeout", "n_items": 1, "example_item_id": "p2", "example_error": "too late"}]
    text = invoke("show", run_id, "--store", str(place)).stdout
    assert "items: 1 done, 1 failed" in text
    assert "failed, timeout: 1 items, e.g. p2: too late; to do: lower --concurrency" in text


CHANGING = [
    (
        "teacher/decide",
        "model 'm-{n}': the reply does not fit DecideReply after 1 repair: 'core.{n}' at p{n} took {n}.5 s",
        ErrorClass.INVALID_STRUCTURE,
    ),
    (
        "teacher/verify",
        "model 'm-{n}': the reply does not fit DecideReply after 1 repair: 'core.{n}' at p{n} took {n}.5 s",
        ErrorClass.INVALID_STRUCTURE,
    ),
    ("teacher/decide", "the item's time of {n} s was spent; don't wait: raise it", ErrorClass.TIMEOUT),
]


def test_causes_are_grouped_without_what_varies_by_class_and_role_and_the_list_is_bounded(address: str) -> None:
    async def fail(store: RunStore, run_id: str, item: str, role: str, error: str, found: ErrorClass) -> None:
        pair = Pair(item, Listing("l", "a"), Listing("r", "b"))
        await store.record_call(
            CallRecord(CallScope(run_id, item, role), "k", "t", "m", None, 1, Usage(0, 0), 0.0, 0.0, 1.0, error_class=found), None
        )
        await store.finish_item(run_id, ItemResult(item, pair, Decision.failed(item, found, error)))

    with RunStore.open(address) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id
        for n in range(12):
            role, error, found = CHANGING[n % 3]
            asyncio.run(fail(store, run_id, f"p{n}", role, error.format(n=n), found))
        for n in range(30):
            asyncio.run(fail(store, run_id, f"q{n:02}", "r", f"no {'a' * (n + 1)} thing", ErrorClass.BUG))
    shown = json.loads(invoke("show", run_id, "--store", address, "--json").stdout)
    assert [(cause["error_class"], cause["role"], cause["n_items"], cause["example_item_id"]) for cause in shown["causes"][:3]] == [
        ("invalid_structure", "teacher/decide", 4, "p0"), ("invalid_structure", "teacher/verify", 4, "p1"), ("timeout", "teacher/decide", 4, "p11"),
    ]  # fmt: skip
    assert shown["causes"][0]["text"] == "model …: the reply does not fit DecideReply after … repair: … at … took … s"
    assert shown["causes"][2]["text"] == "the item's time of … s was spent; don't wait: raise it"
    assert shown["n_causes"] == len(shown["causes"]) == 33
    lines = [line for line in invoke("show", run_id, "--store", address).stdout.splitlines() if line.startswith("failed")]
    assert len(lines) == 21
    assert lines[0].startswith("failed, invalid_structure in teacher/decide: 4 items, e.g. p0: model …: the reply")
    assert lines[-1] == "failed of 13 more causes: 13 items; --json lists up to 200"


def test_an_unknown_run_lists_the_ones_that_are_there(place: Path) -> None:
    with pytest.raises(StoreError, match=r"'nope' is unknown .* \(teach\)"):
        invoke("show", "nope", "--store", str(place))
