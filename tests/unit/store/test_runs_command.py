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
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.holding import holding
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
        ("teach", "multi-agent-rag", "interrupted", {"identity": "strict"})  # begun, and nobody works on it any more
    ]
    assert listed[0]["run_id"] in invoke("list", "--store", str(place)).stdout


def test_a_run_that_a_process_works_on_is_running(place: Path) -> None:
    with RunStore.open(place) as store, holding(store, store.runs()[0].run_id, "teach"):
        assert json.loads(invoke("list", "--store", str(place), "--json").stdout)["runs"][0]["status"] == "running"


def test_show_gives_totals_and_failures_with_an_example(place: Path) -> None:
    run_id = json.loads(invoke("list", "--store", str(place), "--json").stdout)["runs"][0]["run_id"]
    shown = json.loads(invoke("show", run_id[:6], "--store", str(place), "--json").stdout)
    assert (shown["run"]["run_id"], shown["n_done"], shown["n_failed"], shown["cost_usd"]) == (run_id, 1, 1, 0.0)
    assert shown["failures"] == [{"error_class": "timeout", "n_items": 1, "example_item_id": "p2", "example_error": "too late"}]
    text = invoke("show", run_id, "--store", str(place)).stdout
    assert "items: 1 done, 1 failed" in text
    assert "failed, timeout: 1 items, e.g. p2: too late" in text


def test_an_unknown_run_lists_the_ones_that_are_there(place: Path) -> None:
    with pytest.raises(StoreError, match=r"'nope' is unknown .* \(teach\)"):
        invoke("show", "nope", "--store", str(place))
