"""A key in the environment is in no output of any command, and in no file that one writes: also when the server echoes it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from epm.errors import ErrorClass, ModelError
from epm.files.pairs import write_pairs
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.session import open_session
from epm.store.store import RunStore

pytest.importorskip("chromadb")

KEY = "Zq7canaryKEY19Xv"
"""Not of the form that keys of well-known vendors have, so that no pattern can find it: only knowing it can."""
DRIVER = """
import json, logging, sys
logging.basicConfig(level=logging.DEBUG)
from epm.cli.app import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["epm", *arguments]
    print("$", arguments[0], file=sys.stderr)
    try:
        main()
    except SystemExit as ended:
        print("exit", ended.code, file=sys.stderr)
"""
SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
SILENT = {"comparisons": [], "verdict": "unknown"}
GOOD = {"core": SAME, "identifier": SILENT, "variant": SILENT, "relation": "exact", "factor": None, "label": "match", "confidence": "high"}
REPLIES = [
    {"contains": "Compare the left and the right", "content": GOOD},
    {"contains": "Grade the", "content": {"findings": [], "reason": "fine", "level": "sound"}},
]


def run_all(folder: Path, *commands: list[object], **environment: str) -> subprocess.CompletedProcess[str]:
    listed = json.dumps([[str(part) for part in command] for command in commands])
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", DRIVER, listed], cwd=folder, env=env, capture_output=True, text=True, timeout=240, check=False
    )


def leaks(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = [("p1", "KX-1"), ("p2", "KX-2"), ("p3", "KX-3")]
    write_pairs(
        tmp_path / "pairs.jsonl",
        [
            Pair(name, Listing(f"l{name}", f"Kolvra {m} kettle"), Listing(f"r{name}", f"kettle Kolvra {m}"), gold_label=Label.MATCH)
            for name, m in names
        ],
    )
    return tmp_path


def test_no_command_shows_or_keeps_the_key(folder: Path, fake_server) -> None:
    model = ["--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "CANARY_KEY"]
    store = ["--store", "s.db"]
    fake_server.script(faults=[None, "401", "500", None, None, None, None, "401"], replies=REPLIES)
    teach = ["teach", "pairs.jsonl", *model, *store, "--embedder", "hash", "--concurrency", 1, "--record", "cassette.jsonl"]
    first = run_all(folder, teach, CANARY_KEY=KEY)
    with RunStore.open(folder / "s.db") as opened:
        [run] = opened.runs()
        errors = [call.error or "" for call in opened.calls(run.run_id)]
    assert any("Got: ***" in error for error in errors), errors  # the server did echo the key
    fake_server.script(faults=[None, "401"], replies=REPLIES)
    id_ = run.run_id
    rest = run_all(
        folder, ["runs", "retry", id_, "--failed", *store], ["runs", "retry", id_, "--failed", *store, "--json"],
        ["judge", "score", id_, *model, *store, "--concurrency", 1], ["judge", "score", id_, *model, *store, "--json"],
        ["match", "pairs.jsonl", "--matcher", "multi-agent-rag", *model, "--store", "other.db", "-o", "matched.jsonl"],
        ["bench", "pairs.jsonl", "--matcher", "multi-agent-rag", *model, "--store", "third.db", "--record", "benched.jsonl"],
        ["bench", "pairs.jsonl", "--matcher", "multi-agent-rag", *model, "--store", "replayed.db", "--replay", "benched.jsonl"],
        ["runs", "list", *store, "--json"], ["runs", "show", id_, *store], ["runs", "show", id_, *store, "--json"],
        ["why", "p1", *store, "--full"], ["why", "p2", *store, "--json"], ["export", id_, "-o", "sft.jsonl", *store],
        ["export", id_, "-o", "rationales", "--format", "rationales", *store], ["data", "purge", "--listing", "lp1", *store, "--yes"],
        CANARY_KEY=KEY,
    )  # fmt: skip
    authorizations = {request["authorization"] for request in fake_server.log()["requests"]}
    fake_server.script(faults=["401"] * 8)
    stopped = run_all(folder, ["teach", "pairs.jsonl", *model, "--store", "fourth.db", "--embedder", "hash"], CANARY_KEY=KEY)
    assert "the run was stopped" in stopped.stderr
    shown = first.stdout + first.stderr + rest.stdout + rest.stderr + stopped.stdout + stopped.stderr
    ends = [line for line in rest.stderr.splitlines() if line.startswith(("$ ", "exit ", "epm: "))]
    assert {"exit 0", *ends[1::2]} == {"exit 0"}, ends
    assert "CANARY_KEY" not in rest.stdout.replace('"api_key_env": "CANARY_KEY"', "")
    assert rest.stdout.count("left this machine") == 1
    assert (folder / "matched.jsonl").is_file()
    assert (folder / "sft.jsonl").is_file()
    assert (folder / "cassette.jsonl").stat().st_size > 0
    assert (folder / "benched.jsonl").stat().st_size > 0
    assert all("authorization" not in json.dumps(request["keys"]) for request in fake_server.log()["requests"])
    assert authorizations == {f"Bearer {KEY}"}  # the key was really used
    assert KEY not in shown
    assert leaks(folder) == []


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "CANARY_KEY"])
def test_no_store_and_no_cassette_keeps_a_key_that_the_server_echoes(
    tmp_path: Path, fake_server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also where the key is not named, and litellm takes it and the address from the environment by itself."""
    monkeypatch.setenv(name, KEY)
    is_named = name == "CANARY_KEY"
    if not is_named:
        monkeypatch.setenv("OPENAI_BASE_URL", fake_server.url)
    settings = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url if is_named else None, api_key_env=name if is_named else None)
    fake_server.script(faults=[None, "401"])
    first, second = (ChatRequest({"model": settings.name, "messages": [{"role": "user", "content": text}]}) for text in ("hello", "again"))

    async def ask(session) -> str:
        await session.gateway.send(first, CallScope(None, "p1", "test"))
        with pytest.raises(ModelError) as failed:
            await session.gateway.send(second, CallScope(None, "p1", "test"))
        assert failed.value.error_class is ErrorClass.AUTH
        return str(failed.value)

    with open_session(store=tmp_path / "s.db", model=settings, record=tmp_path / "cassette.jsonl") as session:
        message = asyncio.run(ask(session))
        assert session.store is not None
    assert {seen["authorization"] for seen in fake_server.log()["requests"]} == {f"Bearer {KEY}"}
    assert "Got: ***" in message
    assert KEY not in message
    assert leaks(tmp_path) == []
    assert (tmp_path / "cassette.jsonl").stat().st_size > 0


MISPLACED = {
    "variable": ("--api-key-env", "sk-proj-{0}{0}{0}"),
    "token": ("--api-key-env", "AZ_KEY", "--azure-ad-token-env", "eyJhbGciOiJIUzI1NiJ9.{0}.{0}"),
    "user": ("--api-key-env", "AZ_KEY", "--api-base", "https://{0}@host.example/v1"),
    "password": ("--api-base", "https://user:{0}@host.example/v1"),
    "query": ("--api-base", "https://host.example/v1?api_key={0}"),
    "path": ("--api-base", "https://host.example/sk-{0}{0}/v1"),
    "base-model": ("--base-model", "sk-proj-{0}{0}{0}"),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_a_key_given_in_the_wrong_place_is_neither_shown_nor_kept(folder: Path, name: str) -> None:
    given = [part.format(KEY) for part in MISPLACED[name]]
    row = {option[2:].replace("-", "_"): value for option, value in zip(given[::2], given[1::2], strict=True)}
    plan = "\n".join(["[[row]]", 'matcher = "multi-agent-rag"', *(f"{key} = {json.dumps(value)}" for key, value in row.items())])
    (folder / "bench.toml").write_text(plan)
    store, model = ("--store", "s.db"), ("--model", "openai/gpt-4o-mini")
    seen = run_all(
        folder, ["teach", "pairs.jsonl", *model, *store, "--embedder", "hash", *given], ["teach", "pairs.jsonl", *model, *given, "--dry-run"],
        ["match", "pairs.jsonl", "--matcher", "multi-agent-rag", *model, *store, *given], ["judge", "score", "abc", *model, *store, *given],
        ["bench", "pairs.jsonl", "--matcher", "multi-agent-rag", *model, *store, *given], ["doctor", *model, *given],
        ["audit", "pairs.jsonl", "--student", "tfidf", "--oracle", "multi-agent-rag", *model, *given],
        ["bench", "pairs.jsonl", "--plan", "bench.toml", "--model", "openai/gpt-4o-mini", *store],
    )  # fmt: skip
    (folder / "bench.toml").unlink()
    lines = seen.stderr.splitlines()
    assert lines.count("exit 2") == 8, seen.stderr
    assert "Traceback" not in seen.stderr
    assert KEY not in seen.stdout + seen.stderr
    assert leaks(folder) == []
    assert sum("not shown or kept" in line for line in lines) == 8, seen.stderr


def test_a_key_in_place_of_the_model_is_neither_shown_nor_kept(folder: Path) -> None:
    given = ["--model", f"openai/sk-{KEY}{KEY}", "--store", "s.db"]
    seen = run_all(
        folder, ["teach", "pairs.jsonl", *given], ["match", "pairs.jsonl", "--matcher", "multi-agent-rag", *given], ["doctor", *given[:2]]
    )
    assert seen.stderr.count("exit 2") == 3, seen.stderr
    assert KEY not in seen.stdout + seen.stderr
    assert leaks(folder) == []
