"""Every command takes its store by URL: nothing of it becomes a file, no password is shown, and what comes out is the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from epm.cli.app import build_app
from epm.errors import StoreError
from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from forked_python import EPM, run_forked
from postgres import PASSWORD

pytest.importorskip("chromadb")

NOWHERE = f"postgresql://ann:{PASSWORD}@127.0.0.1:1/epm"
"""No server answers on that port."""
MODEL = ("--model", "openai/m", "--api-base", "http://127.0.0.1:9/v1")
SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
SILENT = {"comparisons": [], "verdict": "unknown"}
GOOD = {"core": SAME, "identifier": SILENT, "variant": SILENT, "relation": "exact", "factor": None, "label": "match", "confidence": "high"}
REPLIES = [
    {"contains": "Compare the left and the right", "content": GOOD},
    {"contains": "Grade the", "content": {"findings": [], "reason": "fine", "level": "sound"}},
]
COMMANDS = {
    "teach": ("pairs.jsonl", "--embedder", "hash", *MODEL),
    "judge score": ("abc",),
    "match": ("pairs.jsonl", "--matcher", "zero-shot", *MODEL, "-o", "matched.jsonl"),
    "bench": ("pairs.jsonl", "--matcher", "zero-shot", *MODEL),
    "audit": ("pairs.jsonl", "--student", "tfidf", "--oracle", "zero-shot", *MODEL),
    "import explanations": ("recorded.jsonl", "--pairs", "pairs.jsonl"),
    "export": ("abc", "-o", "sft.jsonl"),
    "why": ("p1",),
    "runs list": (),
    "runs show": ("abc",),
    "runs compare": ("abc", "def"),
    "runs retry": ("abc", "--failed"),
    "review next": ("--rater", "ann"),
    "review export": ("-o", "sheet.csv", "--rater", "ann"),
    "review import": ("answers.csv",),
    "review agreement": (),
    "data purge": ("--listing", "l1"),
}
"""Every command that opens a store, with the least that it needs beside it."""
BESIDE_THE_STORE = {
    "knowledge add": ("facts.csv", "--embedder", "hash"),
    "knowledge search": ("kettle", "--embedder", "hash"),
    "knowledge list": (),
    "knowledge expire": ("--older-than", "9d"),
}
"""Those that only look for the index beside it."""


def epm(folder: Path, *command: object, **environment: str) -> Any:
    return run_forked(EPM, *command, cwd=folder, env={**os.environ, "OPENAI_API_KEY": "k", **environment})


def with_a_store(command: Any, name: str = "") -> Iterator[str]:
    """The names of all commands below one that have the option."""
    for below in getattr(command, "commands", {}):
        yield from with_a_store(command.commands[below], f"{name} {below}".strip())
    if any("--store" in parameter.opts for parameter in command.params):
        yield name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pairs = [
        Pair(
            f"p{i}",
            Listing(f"l{i}", f"Kolvra KX-{i} kettle"),
            Listing(f"r{i}", f"kettle Kolvra KX-{i}"),
            gold_label=Label.MATCH,
            split="train",
        )
        for i in range(1, 5)
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    text = "No.\nattribute=model|||importance=0.9|||values=KX-1###KX-9|||similarity=0.00\nIn short, they differ."
    told = {"pair_id": "p1", "model": "m-1", "prompt_name": "x", "label_given_in_prompt": True, "label": 1, "answer_text": text}
    (tmp_path / "recorded.jsonl").write_text(json.dumps(told) + "\n")
    (tmp_path / "answers.csv").write_text("run,item,answer\n")
    (tmp_path / "facts.csv").write_text("id,title\nf1,Kolvra kettle\n")
    return tmp_path


def test_the_tables_name_every_command_with_a_store() -> None:
    assert {*COMMANDS, *BESIDE_THE_STORE} == set(with_a_store(typer.main.get_command(build_app())))


@pytest.mark.parametrize("name", [*COMMANDS, *BESIDE_THE_STORE])
def test_every_command_reads_the_address_in_the_same_way(name: str) -> None:
    arguments = {**COMMANDS, **BESIDE_THE_STORE}[name]
    done = CliRunner().invoke(build_app(), [*name.split(), *arguments, "--store", f"mysql://ann:{PASSWORD}@db/epm"])

    assert isinstance(done.exception, StoreError), done.output
    assert "store address 'mysql://ann:***@db/epm' is of another kind of database ('mysql'): give a file path" in str(done.exception)
    assert PASSWORD not in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_is_not_there_is_one_line_and_the_address_becomes_no_file(folder: Path, name: str) -> None:
    done = epm(folder, *name.split(), *COMMANDS[name], "--store", NOWHERE)

    assert done.returncode == 2, done.stderr
    assert "cannot reach store 'postgresql://ann:***@127.0.0.1:1/epm'" in done.stderr.splitlines()[-1]
    assert PASSWORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir() if path.name.startswith(("postgres", "sft", "sheet"))] == []


@pytest.mark.parametrize("name", BESIDE_THE_STORE)
def test_the_index_of_a_store_on_a_server_lies_in_the_default_place(folder: Path, name: str) -> None:
    done = epm(folder, *name.split(), *BESIDE_THE_STORE[name], "--store", NOWHERE)

    assert done.returncode in {0, 2}, done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert [path.name for path in folder.iterdir() if path.name.startswith("postgres")] == []
    assert name != "knowledge add" or (folder / ".epm" / "knowledge").is_dir()


def walk(folder: Path, url: str, place: str) -> dict[str, Any]:
    """What one walk from teaching to the audit brings: by command its output, and the exported rows."""
    model, store = ("--model", "openai/m", "--api-base", url), ("--store", place)
    found: dict[str, Any] = {}

    def run(name: str, *command: object) -> Any:
        done = epm(folder, *command, *store)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert PASSWORD not in done.stdout + done.stderr
        found[name] = done.stdout
        return done.stdout

    taught = json.loads(run("teach", "teach", "pairs.jsonl", *model, "--embedder", "hash", "--concurrency", 1, "--json"))
    id_ = taught["run_id"]
    run("judge", "judge", "score", id_, *model, "--concurrency", 1, "--json")
    run("export", "export", id_, "-o", "sft.jsonl", "--gold-agrees", "--json")
    run("rationales", "export", id_, "-o", "rationales", "--format", "rationales")
    run("audit", "audit", "pairs.jsonl", "--student", "tfidf", "--oracle", "multi-agent-rag", *model, "--json")
    run("show", "runs", "show", id_, "--json")
    run("list", "runs", "list", "--json")
    fresh = run("fresh", "teach", "pairs.jsonl", *model, "--embedder", "hash", "--concurrency", 1, "--fresh", "--json")
    run("compare", "runs", "compare", id_, json.loads(fresh)["run_id"])
    run("why", "why", "p1", "--json")
    run("review", "review", "agreement", "--json")
    run("again", "teach", "pairs.jsonl", *model, "--embedder", "hash", "--concurrency", 1, "--json")
    run("purge", "data", "purge", "--listing", "l1", "--yes", "--json")
    found["run_id"], found["sft"] = id_, (folder / "sft.jsonl").read_text(encoding="utf-8")
    return found


def test_from_teaching_to_the_audit_by_url_all_is_as_with_a_file(fake_server: Any, tmp_path: Path, folder: Path, postgres_url: str) -> None:
    fake_server.script(replies=REPLIES)
    by_place = {}
    for name, place in (("file", "s.db"), ("server", postgres_url)):
        own = tmp_path / name
        own.mkdir()
        (own / "pairs.jsonl").write_bytes((folder / "pairs.jsonl").read_bytes())
        by_place[name] = walk(own, fake_server.url, place)
    file, server = by_place["file"], by_place["server"]

    assert server["run_id"] == file["run_id"]
    assert server["sft"] == file["sft"] != ""
    shown = {name: json.loads(found["show"]) for name, found in by_place.items()}
    figures = ("n_done", "n_failed", "n_calls", "n_calls_cached", "prompt_tokens", "completion_tokens", "cost_usd", "models_answered")
    assert [shown["server"][name] for name in figures] == [shown["file"][name] for name in figures]
    assert shown["server"]["n_done"] == 4
    purged = {name: json.loads(found["purge"]) for name, found in by_place.items()}
    taken = ("n_items", "n_pairs", "n_rationales", "n_judgements", "n_replies")
    assert [purged["server"][name] for name in taken] == [purged["file"][name] for name in taken]
    assert json.loads(server["audit"]).keys() == json.loads(file["audit"]).keys()
    leaks = [path.name for path in (tmp_path / "server").rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert leaks == []
