from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from epm.cli import runs
from epm.decision import Decision, Outcome
from epm.errors import ErrorClass, StoreError
from epm.gateway.ledger import CallRecord
from epm.gateway.request import CallScope, Usage
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.records import ItemResult, RunSpec
from epm.store.store import RunStore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    async def fill(store: RunStore, run_id: str) -> None:
        pair = Pair("p1", Listing("l", "a"), Listing("r", "b"))
        await store.finish_item(run_id, ItemResult("p1", pair, Decision("p1", Outcome.DECIDED, label=Label.MATCH)))
        await store.finish_item(run_id, ItemResult("p2", pair, Decision.failed("p2", ErrorClass.TIMEOUT, "too late")))

    with RunStore.open(tmp_path / "s.db") as store:
        asyncio.run(fill(store, store.begin(RunSpec("teach", "in", "multi-agent-rag", "p", "rules", 0, {"identity": "strict"})).run_id))
    return tmp_path / "s.db"


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    runs.register(app)
    return CliRunner().invoke(app, ["runs", *arguments], catch_exceptions=False)


def test_list_names_every_run_as_json_and_as_text(place: Path) -> None:
    listed = json.loads(invoke("list", "--store", str(place), "--json").stdout)["runs"]
    assert [(run["command"], run["matcher"], run["status"], run["settings"]) for run in listed] == [
        ("teach", "multi-agent-rag", "running", {"identity": "strict"})
    ]
    assert listed[0]["run_id"] in invoke("list", "--store", str(place)).stdout


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


def test_causes_are_grouped_without_what_varies_by_class_and_role_and_the_list_is_bounded(tmp_path: Path) -> None:
    async def fail(store: RunStore, run_id: str, item: str, role: str, error: str, found: ErrorClass) -> None:
        pair = Pair(item, Listing("l", "a"), Listing("r", "b"))
        await store.record_call(
            CallRecord(CallScope(run_id, item, role), "k", "t", "m", None, 1, Usage(0, 0), 0.0, 0.0, 1.0, error_class=found), None
        )
        await store.finish_item(run_id, ItemResult(item, pair, Decision.failed(item, found, error)))

    with RunStore.open(tmp_path / "s.db") as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id
        for n in range(12):
            role, error, found = CHANGING[n % 3]
            asyncio.run(fail(store, run_id, f"p{n}", role, error.format(n=n), found))
        for n in range(30):
            asyncio.run(fail(store, run_id, f"q{n:02}", "r", f"no {'a' * (n + 1)} thing", ErrorClass.BUG))
    shown = json.loads(invoke("show", run_id, "--store", str(tmp_path / "s.db"), "--json").stdout)
    assert [(cause["error_class"], cause["role"], cause["n_items"], cause["example_item_id"]) for cause in shown["causes"][:3]] == [
        ("invalid_structure", "teacher/decide", 4, "p0"), ("invalid_structure", "teacher/verify", 4, "p1"), ("timeout", "teacher/decide", 4, "p11"),
    ]  # fmt: skip
    assert shown["causes"][0]["text"] == "model …: the reply does not fit DecideReply after … repair: … at … took … s"
    assert shown["causes"][2]["text"] == "the item's time of … s was spent; don't wait: raise it"
    assert shown["n_causes"] == len(shown["causes"]) == 33
    lines = [line for line in invoke("show", run_id, "--store", str(tmp_path / "s.db")).stdout.splitlines() if line.startswith("failed")]
    assert len(lines) == 21
    assert lines[0].startswith("failed, invalid_structure in teacher/decide: 4 items, e.g. p0: model …: the reply")
    assert lines[-1] == "failed of 13 more causes: 13 items; --json lists up to 200"


def test_an_unknown_run_lists_the_ones_that_are_there(place: Path) -> None:
    with pytest.raises(StoreError, match=r"'nope' is unknown .* \(teach\)"):
        invoke("show", "nope", "--store", str(place))
