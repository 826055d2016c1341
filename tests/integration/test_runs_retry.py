"""``epm runs retry``: failed items are tried again from the store alone, done ones never, and no failed reply is served twice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from epm.agents.teach_file import TeachOptions, teach_file
from epm.agents.teach_retry import retry_failed
from epm.cli import runs
from epm.decision import Decision, Outcome
from epm.egress import EgressPolicy
from epm.errors import BudgetError, ConfigError, ErrorClass, RunStoppedError
from epm.files.pairs import write_pairs
from epm.gateway.bounds import Bounds
from epm.gateway.request import ModelSettings, StructuredMode
from epm.judges.score_retry import retry_judging
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.listing import Listing
from epm.pair import Pair
from epm.socket_guard import guard_sockets
from epm.store.launch import add_launch, latest_launch
from epm.store.purge import purge_listing
from epm.store.records import ItemResult, RunSpec, RunStatus
from epm.store.store import RunStore
from epm.sync import run_sync

pytest.importorskip("chromadb")

SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
FORGED = {"comparisons": [{"attribute": "brand", "left": "Nowhere", "right": "Kolvra", "verdict": "different"}], "verdict": "different"}
SILENT = {"comparisons": [], "verdict": "unknown"}
GOOD = {"core": SAME, "identifier": SILENT, "variant": SILENT, "relation": "exact", "factor": None, "label": "match", "confidence": "high"}
BAD = {**GOOD, "core": FORGED, "relation": "different", "label": "no_match"}
DECIDE = "Compare the left and the right"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", "secret-1")


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_pairs(
        path,
        [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} kettle"), Listing(f"r{i}", f"kettle Kolvra KX{100 + i}")) for i in range(4)],
    )
    return path


def options(tmp_path: Path, server, **more: object) -> TeachOptions:
    model = ModelSettings("openai/gpt-4o-mini", api_base=server.url, api_key_env="FAKE_KEY", timeout_s=20.0)
    return TeachOptions(**{"store": str(tmp_path / "s.db"), "embedder": "hash", "model": model, "concurrency": 1, **more})  # type: ignore[arg-type]


def attempts(store_path: Path, run_id: str) -> dict[str, int]:
    with RunStore.open(store_path) as store:
        return {item.item_id: item.attempt for item in store.items(run_id)}


def test_failed_items_are_tried_again_without_the_input_file_and_done_ones_are_left_alone(
    tmp_path: Path, pair_file: Path, fake_server
) -> None:
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    teach_file(pair_file, options(tmp_path, fake_server, limit=1))
    fake_server.script(replies=[{"contains": DECIDE, "content": BAD}])
    first = teach_file(pair_file, options(tmp_path, fake_server))
    assert (first.n_failed, dict(first.failed_by_class)) == (3, {"invalid_structure": 3})
    pair_file.unlink()
    with RunStore.open(tmp_path / "s.db") as store:
        n_before = sum(call.scope.item_id == "p0" for call in store.calls(first.run_id))
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    report = retry_failed(first.run_id[:6], store=str(tmp_path / "s.db"))
    assert (report.run_id, report.n_tried, report.n_done, report.n_failed) == (first.run_id, 3, 3, 0)
    assert attempts(tmp_path / "s.db", first.run_id) == {"p0": 1, "p1": 2, "p2": 2, "p3": 2}
    # three steps each: the drafts that led to the veto stood in the cache, and none of them came from there
    assert fake_server.n_requests() == 9
    again = retry_failed(first.run_id, store=str(tmp_path / "s.db"))
    assert (again.n_tried, fake_server.n_requests()) == (0, 9)
    with RunStore.open(tmp_path / "s.db") as store:
        assert [run.run_id for run in store.runs()] == [first.run_id]
        assert store.run(first.run_id).status is RunStatus.DONE
        assert sum(call.scope.item_id == "p0" for call in store.calls(first.run_id)) == n_before  # not even asked of the cache


def test_only_the_named_classes_are_tried_and_sound_replies_of_earlier_steps_are_not_paid_twice(
    tmp_path: Path, pair_file: Path, fake_server
) -> None:
    fake_server.script(faults=[None, "401"], replies=[{"contains": DECIDE, "content": GOOD}])
    run_id = teach_file(pair_file, options(tmp_path, fake_server, limit=1)).run_id
    store = str(tmp_path / "s.db")
    assert retry_failed(run_id, store=store, classes={ErrorClass.TIMEOUT}).n_tried == 0
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    report = retry_failed(run_id, store=store, classes={ErrorClass.AUTH})
    assert (report.n_tried, report.n_done) == (1, 1)
    assert fake_server.n_requests() == 2  # decide and verify; the questions were answered before
    with RunStore.open(store) as opened:
        steps = Counter((call.scope.role, call.is_cached) for call in opened.calls(run_id))
    assert steps["teacher/ask", True] == 1


def test_a_misfit_that_led_to_a_repair_which_failed_is_not_served_again(tmp_path: Path, pair_file: Path, fake_server) -> None:
    fake_server.script(faults=[None, "wrong_schema", "401"], replies=[{"contains": DECIDE, "content": GOOD}])
    first = teach_file(pair_file, options(tmp_path, fake_server, limit=1))
    assert dict(first.failed_by_class) == {"auth": 1}
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    report = retry_failed(first.run_id, store=str(tmp_path / "s.db"))
    assert (report.n_done, report.n_forgotten) == (1, 0)  # the misfit left the cache when it was refused
    assert [request["fault"] for request in fake_server.log()["requests"]] == [None, None]
    with RunStore.open(tmp_path / "s.db") as store:
        assert not [call for call in store.calls(first.run_id) if call.is_cached and call.scope.role == "teacher/decide"]


def test_the_right_repetition_is_tried_and_a_run_that_was_cut_short_stays_so(tmp_path: Path, pair_file: Path, fake_server) -> None:
    fake_server.script(faults=["filter_400"] * 4)
    first = teach_file(pair_file, options(tmp_path, fake_server, limit=2))
    fake_server.script(faults=["filter_400"] * 4)
    fresh = teach_file(pair_file, options(tmp_path, fake_server, limit=2, is_fresh=True))
    with RunStore.open(tmp_path / "s.db") as store:
        store.finish_run(first.run_id, RunStatus.INTERRUPTED)
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    assert retry_failed(first.run_id, store=str(tmp_path / "s.db")).n_done == 2
    assert set(attempts(tmp_path / "s.db", first.run_id).values()) == {2}
    assert set(attempts(tmp_path / "s.db", fresh.run_id).values()) == {1}
    with RunStore.open(tmp_path / "s.db") as store:
        assert store.run(first.run_id).status is RunStatus.INTERRUPTED


def test_what_cannot_be_repeated_is_refused_with_the_reason(tmp_path: Path, pair_file: Path, fake_server, monkeypatch) -> None:
    path = tmp_path / "s.db"
    fake_server.script(faults=["filter_400"])
    run_id = teach_file(pair_file, options(tmp_path, fake_server, limit=1)).run_id
    with RunStore.open(path) as store:
        imported = store.begin(RunSpec("import explanations", "in", "recorded", "p", "m", 0)).run_id
        old = store.begin(RunSpec("teach", "in", "multi-agent-rag", "p", "m", 0)).run_id
        pair = Pair("p1", Listing("l", "x"), Listing("r", "y"))
        run_sync(store.finish_item(old, ItemResult("p1", pair, Decision.failed("p1", ErrorClass.AUTH, "no"))))
    with pytest.raises(ConfigError, match="import explanations"):
        retry_failed(imported, store=str(path))
    with pytest.raises(ConfigError, match="without keeping how it was launched"):
        retry_failed(old, store=str(path))
    monkeypatch.setattr("epm.agents.matcher.VERSION", "99")
    with pytest.raises(ConfigError, match=r"matcher_version was '1\+\w+', is '99"):
        retry_failed(run_id, store=str(path))
    monkeypatch.undo()
    monkeypatch.delenv("FAKE_KEY", raising=False)
    with pytest.raises(ConfigError, match="FAKE_KEY"):
        retry_failed(run_id, store=str(path))
    assert attempts(path, run_id) == {"p0": 1}


def test_an_item_whose_text_was_purged_is_left_out_and_counted(tmp_path: Path, pair_file: Path, fake_server) -> None:
    fake_server.script(faults=["filter_400"] * 4)
    run_id = teach_file(pair_file, options(tmp_path, fake_server, limit=2)).run_id
    purge_listing(str(tmp_path / "s.db"), "l1", is_wanted=True)
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    report = retry_failed(run_id, store=str(tmp_path / "s.db"))
    assert (report.n_tried, report.n_done, report.n_purged) == (1, 1, 1)
    assert attempts(tmp_path / "s.db", run_id) == {"p0": 2, "p1": 1}


def test_judges_whose_calls_failed_are_asked_again_with_the_settings_of_the_scoring(tmp_path: Path, pair_file: Path, fake_server) -> None:
    store = str(tmp_path / "s.db")
    run_id = teach_file(pair_file, options(tmp_path, fake_server, model=ModelSettings("rules"))).run_id
    with pytest.raises(ConfigError, match="epm judge score"):
        retry_judging(run_id, store=store)
    grade = {"contains": "Grade the core axis", "content": {"findings": [], "reason": "fine", "level": "partial"}}
    model = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url, api_key_env="FAKE_KEY")
    fake_server.script(faults=[None, "401", "401"], replies=[grade])
    score_stored(run_id, ScoreOptions(judges=("checks", "core"), model=model, store=store, concurrency=1))
    fake_server.script(replies=[grade])
    assert retry_judging(run_id, store=store, classes={ErrorClass.TIMEOUT}).n_tried == 0
    report = retry_judging(run_id, store=store)
    assert (report.n_tried, report.n_failed, fake_server.n_requests()) == (2, 0, 2)
    with RunStore.open(store) as opened:
        scores = [score.score for judgement in opened.judgements(run_id) if judgement.judge == "core" for score in judgement.scores]
    assert scores == [0.5] * 4


def test_the_command_says_what_it_did_and_a_retry_without_any_success_is_no_success(tmp_path: Path, pair_file: Path, fake_server) -> None:
    def invoke(*more: str) -> object:
        app = typer.Typer()
        runs.register(app)
        return CliRunner().invoke(app, ["runs", "retry", run_id, "--store", str(tmp_path / "s.db"), *more])

    fake_server.script(faults=["filter_400"] * 2)
    run_id = teach_file(pair_file, options(tmp_path, fake_server, limit=1)).run_id
    assert "say --failed" in str(invoke().exception)
    fake_server.script(faults=["filter_400"] * 2)
    failed = invoke("--failed", "--json")
    assert json.loads(failed.stdout)["failed_by_class"] == {"content_filter": 1}
    assert isinstance(failed.exception, ConfigError)
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    done = invoke("--failed", "--class", "content_filter")
    assert done.exit_code == 0
    assert "1 items tried again, 1 done now, 0 failed again" in done.stdout
    with RunStore.open(tmp_path / "s.db") as store:
        [item] = list(store.items(run_id))
    assert (item.attempt, item.decision.outcome) == (3, Outcome.DECIDED)


def test_what_left_the_machine_is_what_the_server_saw_failed_calls_included(tmp_path: Path, pair_file: Path, fake_server) -> None:
    fake_server.script(faults=[None, "401"], replies=[{"contains": DECIDE, "content": GOOD}])
    run_id = teach_file(pair_file, options(tmp_path, fake_server, limit=2)).run_id
    with RunStore.open(tmp_path / "s.db") as store:
        summary = store.run_summary(run_id)
        [failed] = [call for call in store.calls(run_id) if call.error_class is not None]
    [to] = summary.sent
    assert (to.host, to.n_calls) == (fake_server.url.removesuffix("/v1"), fake_server.n_requests())
    assert {"title", "readings"} <= set(to.fields)
    assert "description" not in to.fields
    assert (failed.host, "title" in (failed.sent or "").split()) == (to.host, True)
    rules = teach_file(pair_file, options(tmp_path, fake_server, limit=2, model=ModelSettings("rules"))).run_id
    with RunStore.open(tmp_path / "s.db") as store:
        assert (store.run_summary(rules).sent, store.run_summary(rules).n_sent_unrecorded) == ((), 0)


def failed_run(tmp_path: Path, pair_file: Path, server, **more: object) -> str:
    server.script(faults=["filter_400"] * 4)
    return teach_file(pair_file, options(tmp_path, server, limit=3, **more)).run_id


def test_a_retry_sends_nothing_where_the_policy_forbids_it(tmp_path: Path, pair_file: Path, fake_server) -> None:
    run_id = failed_run(tmp_path, pair_file, fake_server)
    with RunStore.open(tmp_path / "s.db") as store:
        launch = latest_launch(store, run_id, "teach")
        assert launch is not None
        elsewhere = ModelSettings("openai/gpt-4o-mini", api_base="http://models.example/v1", api_key_env="FAKE_KEY")
        add_launch(store, replace(launch, model=elsewhere))
    with guard_sockets(EgressPolicy(is_local_only=True)), pytest.raises(ConfigError, match=r"'models\.example'.*--local-only"):
        retry_failed(run_id, store=str(tmp_path / "s.db"))
    assert set(attempts(tmp_path / "s.db", run_id).values()) == {1}


def test_a_retry_keeps_to_the_cap_and_goes_on_with_a_larger_one(tmp_path: Path, pair_file: Path, fake_server) -> None:
    run_id, store = failed_run(tmp_path, pair_file, fake_server), str(tmp_path / "s.db")
    fake_server.script(replies=[{"contains": DECIDE, "content": GOOD}])
    with pytest.raises(BudgetError, match="--max-cost-usd"):
        retry_failed(run_id, store=store, bounds=Bounds(max_cost_usd=1e-6))
    assert fake_server.n_requests() == 0
    with RunStore.open(store) as opened:
        assert opened.run(run_id).status is RunStatus.BUDGET
    assert retry_failed(run_id, store=store, bounds=Bounds(max_cost_usd=1.0)).n_done == 3


def test_a_retry_with_a_key_that_is_refused_stops_and_burns_no_attempt(tmp_path: Path, pair_file: Path, fake_server) -> None:
    run_id = failed_run(tmp_path, pair_file, fake_server)
    fake_server.script(faults=["401"] * 9)
    with pytest.raises(RunStoppedError):
        retry_failed(run_id, store=str(tmp_path / "s.db"))
    assert set(attempts(tmp_path / "s.db", run_id).values()) == {1}


def test_a_retry_asks_for_structure_as_the_run_did(tmp_path: Path, pair_file: Path, fake_server) -> None:
    model = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url, api_key_env="FAKE_KEY", structured=StructuredMode.MD_JSON)
    run_id = failed_run(tmp_path, pair_file, fake_server, model=model)
    fake_server.script()
    retry_failed(run_id, store=str(tmp_path / "s.db"))
    assert fake_server.n_requests() > 0
    assert not [request for request in fake_server.log()["requests"] if "response_format" in request["keys"]]
