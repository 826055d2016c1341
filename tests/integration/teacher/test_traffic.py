"""How many calls are in flight is decided by the command and the account, and by nothing in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from epm.agents.teach_file import TeachOptions, teach_file
from epm.cli import judge, match
from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair

pytest.importorskip("chromadb")

N_PAIRS = 60
WIDTH = 40
GRADE = {"contains": "Grade the core axis", "content": {"findings": [], "reason": "fine", "level": "partial"}}


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra K-{i}"), Listing(f"r{i}", f"Kolvra K{i} lamp")) for i in range(N_PAIRS)])
    return path


def invoke(*command: object) -> None:
    app = typer.Typer()
    judge.register(app)
    match.register(app)
    CliRunner().invoke(app, [str(part) for part in command])  # whether an item fails is not the matter here


@pytest.mark.parametrize(("width", "least", "most"), [(WIDTH, 17, WIDTH), (3, 1, 3)])
def test_matching_and_judging_use_the_whole_concurrency_of_the_command(
    tmp_path: Path, pair_file: Path, fake_server: Any, monkeypatch: pytest.MonkeyPatch, width: int, least: int, most: int
) -> None:
    store = tmp_path / "store.db"
    run_id = teach_file(pair_file, TeachOptions(store=str(store), embedder="hash")).run_id
    # an account of its own for each case: what one learns of a server, the next one to ask it knows
    monkeypatch.setenv(f"KEY_{width}", "k")
    account = ["--api-base", fake_server.url, "--api-key-env", f"KEY_{width}"]
    model = ["--model", "openai/gpt-4o-mini", *account, "--concurrency", width, "--store", store]
    for command in (
        ["judge", "score", run_id, "--judge", "core"],
        ["match", pair_file, "--matcher", "multi-agent-rag", "-o", tmp_path / "m.jsonl"],
    ):
        fake_server.script(latency_s=0.6, replies=[GRADE])  # long beside what a busy machine takes to send
        invoke(*command, *model)
        assert least <= fake_server.log()["most_in_flight"] <= most, command


def test_answers_in_a_code_block_are_asked_for_without_a_schema_in_the_request(pair_file: Path, tmp_path: Path, fake_server: Any) -> None:
    for mode, has_format in (("json-schema", True), ("md-json", False)):
        fake_server.script()
        out = tmp_path / f"{mode}.jsonl"
        invoke(
            "match", pair_file, "--matcher", "multi-agent-rag", "--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "-o", out,
            "--limit", 1, "--structured", mode, "--store", tmp_path / "s.db",
        )  # fmt: skip
        assert json.loads(out.read_text().splitlines()[0])["pair_id"] == "p0"
        first = fake_server.log()["requests"][0]
        assert ("response_format" in first["keys"]) is has_format
