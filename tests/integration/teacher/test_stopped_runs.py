"""A wrong key or a server that refuses every request stops a run at once, and repeating the command resumes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from epm.agents.teach_file import TeachOptions, teach_file
from epm.config import DEFAULT_CONCURRENCY
from epm.errors import RunStoppedError
from epm.files.pairs import write_pairs
from epm.gateway.breaker import MAX_BAD_REQUESTS_IN_A_ROW
from epm.gateway.request import ModelSettings
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.listing import Listing
from epm.pair import Pair
from epm.store.records import RunStatus
from epm.store.store import RunStore
from forked_python import EPM, run_forked

pytest.importorskip("chromadb")

N_PAIRS = 200
FIRST_WINDOW = 8
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"}, "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    pairs = [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i}"), Listing(f"r{i}", f"Kolvra KX{100 + i} lamp")) for i in range(N_PAIRS)]
    write_pairs(path, pairs)
    return path


def options(tmp_path: Path, server: Any) -> TeachOptions:
    model = ModelSettings("openai/gpt-4o-mini", api_base=server.url)
    return TeachOptions(model=model, store=str(tmp_path / "store.db"), embedder="hash")


def only_run(tmp_path: Path) -> tuple[RunStatus, int]:
    with RunStore.open(tmp_path / "store.db") as store:
        (run,) = store.runs()
        return run.status, len(list(store.items(run.run_id)))


def test_a_wrong_key_stops_the_command_with_exit_2_and_burns_no_item(tmp_path: Path, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(faults=["401"] * 1000, latency_s=0.05)
    command = [
        "teach", str(pair_file), "--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY",
        "--embedder", "hash", "--store", str(tmp_path / "store.db"), "--json",
    ]  # fmt: skip
    environment = {**os.environ, "FAKE_KEY": "canary-1"}
    stopped = run_forked(EPM, *command, env=environment)
    assert stopped.returncode == 2, stopped.stderr
    assert "failed with 'auth'" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert "canary-1" not in stopped.stderr
    assert 1 <= fake_server.n_requests() <= FIRST_WINDOW
    assert only_run(tmp_path) == (RunStatus.FAILED, 0)

    fake_server.script(replies=[{"contains": "Compare the left and the right", "content": RATIONALE}])
    resumed = run_forked(EPM, *command, "--limit", "3", env=environment)
    assert json.loads(resumed.stdout)["n_decided"] == 3, resumed.stderr


def test_a_server_that_takes_no_request_stops_the_run_and_what_it_did_is_resumed(tmp_path: Path, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(faults=["400"] * 1000, latency_s=0.02)
    with pytest.raises(RunStoppedError, match=rf"after {MAX_BAD_REQUESTS_IN_A_ROW} calls in a row failed with 'bad_request'"):
        teach_file(pair_file, options(tmp_path, fake_server))
    assert fake_server.n_requests() <= MAX_BAD_REQUESTS_IN_A_ROW + DEFAULT_CONCURRENCY
    status, n_failed = only_run(tmp_path)
    assert (status, n_failed) == (RunStatus.FAILED, MAX_BAD_REQUESTS_IN_A_ROW - 1)


def test_a_wrong_key_stops_scoring_and_no_judgement_is_kept(tmp_path: Path, pair_file: Path, fake_server: Any) -> None:
    run_id = teach_file(pair_file, TeachOptions(store=str(tmp_path / "store.db"), embedder="hash")).run_id
    fake_server.script(faults=["401"] * 1000, latency_s=0.02)
    own_account = fake_server.url.replace("127.0.0.1", "localhost")  # whose limiter no test before has taught anything
    model = ModelSettings("openai/gpt-4o-mini", api_base=own_account)
    scoring = ScoreOptions(judges=("core",), model=model, store=str(tmp_path / "store.db"))
    with pytest.raises(RunStoppedError):
        score_stored(run_id, scoring)
    assert 1 <= fake_server.n_requests() <= FIRST_WINDOW
    with RunStore.open(tmp_path / "store.db") as store:
        assert list(store.judgements(run_id)) == []


def test_an_item_that_runs_out_of_time_is_a_failed_record_with_its_class(tmp_path: Path, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(latency_s=0.4)
    model = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url, item_timeout_s=0.6)
    report = teach_file(pair_file, TeachOptions(model=model, store=str(tmp_path / "store.db"), embedder="hash", limit=4))
    assert report.failed_by_class == {"timeout": 4}
