"""Under an environment that tells every library to phone out, the sockets that a command opens are those that it names.

Show 1. Each command runs with every variable of ``hostile_environment.py`` set, in the shell and in a ``.env`` beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from hostile_environment import Traps, Watched, dotenv, hostile, watch

pytest.importorskip("chromadb")

SECRET_TITLE = "Kolvra"
"""Stands in every listing: where it is printed, listing text was."""
SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
SILENT = {"comparisons": [], "verdict": "unknown"}
GOOD = {"core": SAME, "identifier": SILENT, "variant": SILENT, "relation": "exact", "factor": None, "label": "match", "confidence": "high"}
ASK = {"thinking": "t", "questions": [{"attribute": "model", "side": "left", "question": "Which model number has it?", "why": "decides"}]}
REPLIES = [
    {"contains": "Compare the left and the right", "content": GOOD},
    {"contains": "Grade the", "content": {"findings": [], "reason": "fine", "level": "sound"}},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pairs = [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i}"), Listing(f"r{i}", f"Kolvra KX-{i}"), gold_label=Label.MATCH) for i in range(2)
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    return tmp_path


@pytest.fixture
def traps() -> Iterator[Traps]:
    with Traps() as opened:
        yield opened


def run(folder: Path, traps: Traps, *arguments: object, is_in_file: bool = False, **more: str) -> Watched:
    """A command that must end well, under everything at once: in the shell, or in ``.env`` alone."""
    values = hostile(traps)
    with dotenv(folder, values):
        seen = watch(folder, arguments, {"FAKE_KEY": "secret-1", **({} if is_in_file else values), **more})
    assert seen.returncode == 0, seen.stderr
    assert traps.reached == []
    assert SECRET_TITLE not in seen.stderr  # no library writes listing text to a third place
    return seen


def named(folder: Path, run_id: str) -> set[str]:
    """``host:port`` of every address that ``runs show`` names."""
    seen = watch(folder, ["runs", "show", run_id], {})
    assert seen.returncode == 0, seen.stderr
    return {place_of(url) for url in re.findall(r"this machine: .*? to (\S+)", seen.stdout)}


def place_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


def model(url: str) -> list[str]:
    return ["--model", "openai/gpt-4o-mini", "--api-base", url, "--api-key-env", "FAKE_KEY"]


@pytest.mark.parametrize("is_in_file", [False, True], ids=["shell", "dotenv"])
def test_teach_and_judges_reach_what_runs_show_names_and_nothing_else(folder: Path, traps: Traps, fake_server, *, is_in_file: bool) -> None:
    fake_server.script(replies=REPLIES)
    taught = run(
        folder,
        traps,
        "teach",
        "pairs.jsonl",
        "--embedder",
        "hash",
        *model(fake_server.url),
        "--json",
        "--local-only",
        is_in_file=is_in_file,
    )
    run_id = json.loads(taught.stdout)["run_id"]
    judged = run(folder, traps, "judge", "score", run_id, *model(fake_server.url), is_in_file=is_in_file)
    assert fake_server.n_requests() > 0
    assert taught.places | judged.places == named(folder, run_id) == {place_of(fake_server.url)}


@pytest.mark.parametrize(
    "command",
    [
        ("match", "pairs.jsonl", "--matcher", "multi-agent-rag"), ("bench", "pairs.jsonl", "--matcher", "multi-agent-rag"),
        ("doctor",),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
@pytest.mark.parametrize("is_in_file", [False, True], ids=["shell", "dotenv"])
def test_a_command_without_a_run_reaches_the_model_alone(
    folder: Path, traps: Traps, fake_server, command: tuple[str, ...], *, is_in_file: bool
) -> None:
    fake_server.script(replies=REPLIES)
    seen = run(folder, traps, *command, *model(fake_server.url), is_in_file=is_in_file)
    assert fake_server.n_requests() > 0
    assert seen.places == {place_of(fake_server.url)}


def test_the_index_is_opened_without_reaching_anything(folder: Path, traps: Traps) -> None:
    (folder / "notes.jsonl").write_text('{"text": "Kolvra KX-1 is a kettle."}\n')
    (folder / "notes.txt").write_text("Kolvra KX-1 is a kettle.\n")
    added = run(folder, traps, "knowledge", "add", "notes.txt", "--embedder", "hash")
    shown = run(folder, traps, "knowledge", "list")
    assert added.places | shown.places == frozenset()


def test_a_redirecting_server_sends_nobody_elsewhere(folder: Path, traps: Traps, fake_server) -> None:
    fake_server.script(faults=[f"redirect:307 {traps.url('LANGSMITH_ENDPOINT')}/v1/chat/completions"] * 12)
    with dotenv(folder, hostile(traps)):
        seen = watch(folder, ["teach", "pairs.jsonl", "--embedder", "hash", *model(fake_server.url)], {"FAKE_KEY": "k", **hostile(traps)})
    assert seen.returncode != 0
    assert traps.reached == []
    assert seen.places == {place_of(fake_server.url)}


@pytest.mark.torch
def test_training_reaches_nothing(folder: Path, traps: Traps) -> None:
    taught = watch(folder, ["teach", "pairs.jsonl", "--embedder", "hash", "--json"], {})
    run_id = json.loads(taught.stdout)["run_id"]
    assert watch(folder, ["export", run_id, "--format", "sft", "-o", "rows.jsonl"], {}).returncode == 0
    trained = run(folder, traps, "distill", "sft", "rows.jsonl", "--out", "student", "--epochs", "3")
    assert trained.places == frozenset()
