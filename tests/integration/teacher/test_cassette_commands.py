"""``--record`` and ``--replay`` as a user gives them: what was answered once is answered again, without server, key or store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from epm.files.pairs import write_pairs
from epm.judges.score import latest_judgements
from epm.knowledge.catalogue import listing_entry_id
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.history import CallEvent, pair_history
from epm.store.store import RunStore
from forked_python import run_forked

pytest.importorskip("chromadb")

NO_SOCKET = """
import sys
def hear(event, args):
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"}:
        sys.exit(f"{event} {args[1:]}")
if "--replay" in sys.argv:
    sys.addaudithook(hear)
from epm.cli.app import main
main()
"""
KEY = "secret-1"
PAIRS = [
    Pair(
        f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} {name}"), Listing(f"r{i}", f"{name} Kolvra KX{100 + i}"),
        gold_label=Label.NO_MATCH if i % 2 else Label.MATCH,
    )
    for i, name in enumerate(["kettle", "toaster", "drill", "lamp"])
]  # fmt: skip
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"},
    "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip
DECIDES = {"contains": "Compare the left and the right", "content": RATIONALE}
SEARCHES = [
    {"contains": '"role": "tool"', "content": {"answer": "It is sold in black.", "citations": [listing_entry_id(PAIRS[2].left)]}},
    {"contains": ["Which questions, if any", "KX-100"], "content": {"thinking": "colour is open", "questions": [
        {"attribute": "colour", "entity": "kolvra kx-100", "side": "both", "question": "Which colours has the Kolvra KX-100?"}
    ]}},
]  # fmt: skip
GRADES = {"contains": "Grade the", "content": {"findings": [], "reason": "fine", "level": "partial"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "pairs.jsonl", PAIRS)
    return tmp_path


def epm(folder: Path, *args: object, key: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "FAKE_KEY"} | ({} if key is None else {"FAKE_KEY": key})
    return run_forked(NO_SOCKET, *args, cwd=folder, env=env)


def told(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def model(server) -> tuple[str, ...]:
    return ("--model", "openai/gpt-4o-mini", "--api-base", server.url, "--api-key-env", "FAKE_KEY", "--concurrency", "1", "--json")


def decided(store: Path, run_id: str) -> dict[str, tuple]:
    with RunStore.open(store) as opened:
        return {
            item.item_id: (item.decision.outcome, item.decision.label, item.decision.relation, item.decision.rationale)
            for item in opened.items(run_id)
        }


def graded(store: Path, run_id: str) -> dict:
    with RunStore.open(store) as opened:
        return {key: [score.score for score in found.scores] for key, found in latest_judgements(opened.judgements(run_id)).items()}


def test_teaching_and_judging_are_replayed_whole_with_a_repair_a_tool_call_and_a_failure(folder: Path, fake_server) -> None:
    fake_server.script(faults=["wrong_schema"], replies=[*SEARCHES, DECIDES])
    teach = ("teach", "pairs.jsonl", "--embedder", "hash", *model(fake_server))
    recorded = told(epm(folder, *teach, "--store", "a/s.db", "--record", "c.jsonl", key=KEY))
    assert (recorded["n_decided"], recorded["n_searches"]) == (4, 1)
    fake_server.script(faults=[None, "content_filter", "length"], replies=[GRADES])
    judge = ("judge", "score", recorded["run_id"], "--judge", "core", *model(fake_server))
    scored = told(epm(folder, *judge, "--store", "a/s.db", "--record", "c.jsonl", key=KEY))
    assert (scored["judges"]["core"]["core"]["n_scored"], scored["judges"]["core"]["core"]["n_unscored"]) == (2, 2)
    assert KEY not in (folder / "c.jsonl").read_text()
    n_asked = fake_server.n_requests()

    replayed = told(epm(folder, *teach, "--store", "b/s.db", "--replay", "c.jsonl"))
    assert (replayed["run_id"], replayed["n_searches"], replayed["cost_usd"]) == (recorded["run_id"], 1, 0)
    assert decided(folder / "b/s.db", recorded["run_id"]) == decided(folder / "a/s.db", recorded["run_id"])
    again = told(epm(folder, *judge, "--store", "b/s.db", "--replay", "c.jsonl"))
    assert graded(folder / "b/s.db", recorded["run_id"]) == graded(folder / "a/s.db", recorded["run_id"])
    assert again["judges"]["core"]["core"]["unscored_reasons"] == scored["judges"]["core"]["core"]["unscored_reasons"]
    assert fake_server.n_requests() == n_asked


def ledger(store: Path, run_id: str) -> tuple[list[tuple[object, ...]], dict[str, tuple]]:
    """Item, role and class of every call, and class and reason of every item that failed."""
    with RunStore.open(store) as opened:
        calls = [(call.scope.item_id, call.scope.role, call.is_cached, call.error_class) for call in opened.calls(run_id)]
        failed = {item.item_id: (item.decision.error_class, item.decision.error) for item in opened.items(run_id)}
    return sorted(calls, key=str), failed


def refused(store: Path, pair_id: str) -> list[str]:
    """Why replies about a pair were refused after they had come; none of them is in the cache."""
    with RunStore.open(store) as opened:
        events = [event for part in pair_history(opened, pair_id).runs for event in part.events if isinstance(event, CallEvent)]
        useless = [event for event in events if event.useless is not None and event.call.error_class is None]
        assert all(opened.cached(event.call.key) is None for event in useless)
    return [event.useless.error_class.value for event in useless if event.useless is not None]


def test_what_failed_fails_again_in_a_replay_with_the_same_classes_and_as_many_calls(folder: Path, fake_server) -> None:
    untold = {**RATIONALE, "label": "no_match"}  # vetoed: no comparison argues it
    vetoed = {"contains": ["Compare the left and the right", "KX-102"], "content": untold}
    argued = {"contains": "Correct the draft, or argue", "content": untold}
    faults = ["wrong_schema", None, "500", None, "length", "refusal", "invalid_json", "invalid_json"]
    fake_server.script(faults=faults, replies=[vetoed, argued, DECIDES])
    teach = ("teach", "pairs.jsonl", "--embedder", "hash", *model(fake_server))
    recorded = json.loads(epm(folder, *teach, "--store", "a/s.db", "--record", "c.jsonl", key=KEY).stdout)
    n_asked = fake_server.n_requests()
    assert recorded["n_failed"] >= 2
    replayed = json.loads(epm(folder, *teach, "--store", "b/s.db", "--replay", "c.jsonl").stdout)
    assert ledger(folder / "b/s.db", recorded["run_id"]) == ledger(folder / "a/s.db", recorded["run_id"])
    assert refused(folder / "b/s.db", "p2") == refused(folder / "a/s.db", "p2")
    assert "vetoed" in refused(folder / "a/s.db", "p2")
    for name in ("n_decided", "n_failed", "failed_by_class", "n_calls", "n_calls_failed", "n_cached", "n_vetoes"):
        assert replayed[name] == recorded[name], name
    assert fake_server.n_requests() == n_asked


def test_a_resumed_run_is_recorded_whole(folder: Path, fake_server) -> None:
    fake_server.script(faults=[None] * 4 + ["filter_400"] * 8, replies=[DECIDES])
    teach = ("teach", "pairs.jsonl", "--embedder", "hash", *model(fake_server))
    first = told(epm(folder, *teach, "--store", "a/s.db", key=KEY))
    fake_server.script(replies=[DECIDES])
    recorded = told(epm(folder, *teach, "--store", "a/s.db", "--record", "c.jsonl", key=KEY))
    assert 0 < first["n_failed"] == recorded["n_new"] < 4
    replayed = told(epm(folder, *teach, "--store", "b/s.db", "--replay", "c.jsonl"))
    assert (replayed["n_failed"], replayed["n_decided"]) == (0, 4)
    assert decided(folder / "b/s.db", first["run_id"]) == decided(folder / "a/s.db", first["run_id"])
    judge = ("judge", "score", first["run_id"], "--judge", "core", *model(fake_server))
    shutil.copytree(folder / "b", folder / "fresh")
    fake_server.script(faults=[None, None, "filter_400", "filter_400"], replies=[GRADES])
    told(epm(folder, *judge, "--store", "b/s.db", key=KEY))
    fake_server.script(replies=[GRADES])
    told(epm(folder, *judge, "--store", "b/s.db", "--record", "c.jsonl", key=KEY))
    told(epm(folder, *judge, "--store", "fresh/s.db", "--replay", "c.jsonl"))
    assert graded(folder / "fresh/s.db", first["run_id"]) == graded(folder / "b/s.db", first["run_id"])
    assert fake_server.n_requests() == 2


def test_a_bench_that_was_half_cached_is_replayed_whole_and_a_strange_request_is_no_call(folder: Path, fake_server) -> None:
    bench = ("bench", "pairs.jsonl", "--matcher", "multi-agent-rag", *model(fake_server))
    fake_server.script(faults=[None] * 4 + ["filter_400"] * 8, replies=[DECIDES])
    assert epm(folder, *bench, "--store", "a.db", key=KEY).returncode == 0
    fake_server.script(replies=[DECIDES])
    recorded = told(epm(folder, *bench, "--store", "a.db", "--record", "c.jsonl", key=KEY))
    n_lines, n_asked = len((folder / "c.jsonl").read_text().splitlines()), fake_server.n_requests()
    assert 0 < n_asked < n_lines
    replayed = told(epm(folder, *bench, "--store", "b.db", "--replay", "c.jsonl"))
    assert figures(replayed) == figures(recorded)
    assert recorded["rows"][0]["coverage"] == 1.0

    write_pairs(folder / "others.jsonl", [Pair("q", Listing("l", "Kolvra ZZ-9 iron"), Listing("r", "Kolvra ZZ-9 iron"), Label.MATCH)])
    strange = epm(folder, "match", "others.jsonl", "--matcher", "multi-agent-rag", *model(fake_server)[:-1], "--replay", "c.jsonl")
    assert strange.returncode == 2
    assert json.loads(strange.stdout)["error_class"] == "unsupported"
    assert "has no reply of model 'openai/gpt-4o-mini'" in strange.stderr
    assert fake_server.n_requests() == n_asked


def figures(told: dict) -> list[dict]:
    """The rows without what depends on who answered: a cassette answers everything, a cache a part of it."""
    spent = {"prompt_tokens", "completion_tokens", "reasoning_tokens", "n_cached"}
    varying = {"cost_usd", "usd_per_1k", "pairs_per_s", "elapsed_s", "latency_s", *spent}
    return [{name: value for name, value in row.items() if name not in varying} for row in told["rows"]]


def test_what_makes_no_sense_is_refused_in_one_line(folder: Path) -> None:
    teach = ("teach", "pairs.jsonl", "--embedder", "hash")
    refused = {
        "exclude each other": (*teach, "--record", "a.jsonl", "--replay", "b.jsonl"),
        "that is a copy": (*teach, "--model", "replay:a.jsonl", "--record", "b.jsonl"),
        "none is asked here": ("bench", "pairs.jsonl", "--matcher", "tfidf", "--record", "a.jsonl"),
        "cannot read cassette": (*teach, "--replay", "absent.jsonl"),
        "is no recorded reply": (*teach, "--record", "pairs.jsonl"),
    }
    (folder / "a.jsonl").touch()
    before = (folder / "pairs.jsonl").read_bytes()
    for said, command in refused.items():
        done = epm(folder, *command)
        assert (done.returncode, done.stdout) == (2, ""), said
        assert said in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
    assert (folder / "pairs.jsonl").read_bytes() == before


def test_the_rules_are_recorded_too_and_a_comparison_replays_them(folder: Path) -> None:
    compare = (
        "compare",
        "Kolvra KX-120 kettle black",
        "Kolvra KX-120 kettle",
        "--matcher",
        "multi-agent-rag",
        "--model",
        "rules",
        "--json",
    )
    recorded = told(epm(folder, *compare, "--record", "c.jsonl"))
    shutil.rmtree(folder / ".epm")
    replayed = epm(folder, *compare, "--replay", "c.jsonl")
    assert told(replayed) == recorded
    again = epm(folder, *compare, "--record", "c.jsonl")
    assert "'c.jsonl' is there already and is added to" in again.stderr
