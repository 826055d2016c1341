"""Commands on servers that answer nothing: each ends by itself, costs nothing where nothing connected, and is resumed later."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from epm.agents.teach_file import TeachOptions, teach_file
from epm.errors import ErrorClass
from epm.files.pairs import write_pairs
from epm.gateway.request import ModelSettings
from epm.listing import Listing
from epm.pair import Pair
from epm.store.store import RunStore
from forked_python import EPM

pytest.importorskip("chromadb")

BOUND_S, UNREACHED_BOUND_S = 60.0, 15.0
"""What a user is promised, asserted of the seconds that the command itself says it waited: a shared machine may take 15 s only to import."""
HANG_S = 180.0
"""The command is ended from outside: whatever the machine is busy with, this is no start any more."""
PROGRAM = Path(__file__).parent / "fake_openai.py"
N_PAIRS = 40
SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
SILENT = {"comparisons": [], "verdict": "unknown"}
RATIONALE = {
    "core": SAME,
    "identifier": SILENT,
    "variant": SILENT,
    "relation": "exact",
    "factor": None,
    "label": "match",
    "confidence": "high",
}
REPLIES = [{"contains": "Compare the left and the right", "content": RATIONALE}]


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_pairs(
        path,
        [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i}"), Listing(f"r{i}", f"Kolvra KX{100 + i} lamp")) for i in range(N_PAIRS)],
    )
    return path


@contextlib.contextmanager
def serving(port: int, **script: object) -> Iterator[str]:
    """The fake server on this very port."""
    process = subprocess.Popen([sys.executable, str(PROGRAM), "--port", str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        urllib.request.urlopen(url.removesuffix("/v1") + "/script", data=json.dumps(script).encode(), timeout=10).close()  # noqa: S310  # loopback only
        yield url
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def teach(folder: Path, pair_file: Path, api_base: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-c", EPM, "teach", str(pair_file), "--model", "openai/gpt-4o-mini", "--api-base", api_base, "--embedder", "hash",
            "--store", str(folder / "store.db"), "--max-cost-usd", "5", *more,
        ],
        capture_output=True, text=True, check=False, timeout=HANG_S,
    )  # fmt: skip


def spent(folder: Path) -> tuple[int, float, int]:
    """Calls in the ledger, what they cost, and their tokens."""
    with RunStore.open(folder / "store.db") as store:
        (run,) = store.runs()
        calls = [call for call in store.calls(run.run_id) if not call.is_cached]
    return len(calls), sum(call.cost_usd or 0.0 for call in calls), sum(call.usage.prompt_tokens for call in calls)


def silent_s(done: subprocess.CompletedProcess[str]) -> float:
    """How long the command waited for an answer, by its own words; 0 where the first refusals were enough."""
    found = re.search(r"nothing was answered for \d+ calls and (\d+) s", last_line(done))
    return 0.0 if found is None else float(found[1])


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def finish(folder: Path, pair_file: Path, port: int) -> None:
    """The command repeated against a healthy server on the same port ends with every item, and no item is paid twice."""
    with serving(port, replies=REPLIES) as url:
        done = teach(folder, pair_file, url)
        assert done.returncode == 0, done.stderr
    with RunStore.open(folder / "store.db") as store:
        (run,) = store.runs()
        items = list(store.items(run.run_id))
        paid = [call.key for call in store.calls(run.run_id) if not call.is_cached and call.error_class is None]
    assert {item.item_id for item in items if item.decision.outcome == "decided"} == {f"p{i}" for i in range(N_PAIRS)}
    assert len(paid) == len(set(paid))


def unreached(kind: str, hold: contextlib.ExitStack, port: int) -> str:
    """The address of a server to which no connection comes about."""
    if kind == "name":
        return "http://nonexistent.invalid/v1"
    if kind == "full":  # its queue of connections is full, as behind a filter that drops packets
        listening = hold.enter_context(socket.socket())
        listening.bind(("127.0.0.1", port))
        listening.listen(0)
        for _ in range(8):
            waiting = hold.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
    return f"http://127.0.0.1:{port}/v1"


@pytest.mark.parametrize("kind", ["port", "name", "full"])
def test_a_server_that_is_not_there_ends_the_command_and_costs_nothing(kind: str, tmp_path: Path, pair_file: Path) -> None:
    port = free_port()
    with contextlib.ExitStack() as hold:
        done = teach(tmp_path, pair_file, unreached(kind, hold, port))
    assert re.search(r"nothing was answered for \d+ calls and \d+ s.*'connection'.*repeat the command: it resumes", last_line(done))
    n_calls, cost_usd, n_tokens = spent(tmp_path)
    assert n_calls > 0
    assert (cost_usd, n_tokens) == (0.0, 0)
    assert silent_s(done) <= UNREACHED_BOUND_S
    if kind == "port":
        finish(tmp_path, pair_file, port)


@pytest.mark.parametrize(
    ("fault", "retry_after"),
    [("503", ""), ("429", ""), ("429_retry_after", "5"), ("429_retry_after", "86400"), ("503_retry_after", "86400"), ("402", "")],
)
def test_a_server_that_refuses_for_good_ends_the_command_and_the_repeated_one_finishes(
    fault: str, retry_after: str, tmp_path: Path, pair_file: Path
) -> None:
    port = free_port()
    with serving(port, fault_rate=1.0, fault_kinds=[fault], retry_after=retry_after) as url:
        done = teach(tmp_path, pair_file, url)
    said = last_line(done)
    assert silent_s(done) <= BOUND_S
    if fault.startswith("429") or retry_after:
        assert re.search(r"repeat after (\d{4}-\d\d-\d\d )?\d\d:\d\d", said)
    assert spent(tmp_path)[1] == 0.0
    finish(tmp_path, pair_file, port)


def test_a_stalled_server_ends_the_command_after_two_deadlines(tmp_path: Path, pair_file: Path) -> None:
    with serving(free_port(), fault_rate=1.0, fault_kinds=["stall"], stall_s=300.0) as url:
        done = teach(tmp_path, pair_file, url, "--timeout-s", "4")
    assert "'timeout'" in last_line(done)
    assert silent_s(done) <= BOUND_S
    assert spent(tmp_path)[1] > 0.0  # it had the prompts, and may bill them


@pytest.fixture
def answered(tmp_path: Path, pair_file: Path, fake_server: Any) -> str:
    """A run with four items done and the others to do."""
    fake_server.script(replies=REPLIES, faults=["filter_400"] * 3)
    model = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url)
    return teach_file(pair_file, TeachOptions(model=model, store=str(tmp_path / "store.db"), embedder="hash", limit=6)).run_id


COMMANDS: dict[str, Callable[[Path, Path, str], list[str]]] = {
    "judge": lambda folder, _pairs, run_id: ["judge", "score", run_id, "--store", str(folder / "store.db")],
    "estimate": lambda folder, pairs, _run: [
        "teach",
        str(pairs),
        "--estimate",
        "10",
        "--embedder",
        "hash",
        "--store",
        str(folder / "other.db"),
    ],
    "doctor": lambda _folder, _pairs, _run: ["doctor"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_asks_a_model_ends_on_a_dead_port(command: str, tmp_path: Path, pair_file: Path, answered: str) -> None:
    base = ["--model", "openai/gpt-4o-mini", "--api-base", f"http://127.0.0.1:{free_port()}/v1"]
    done = subprocess.run(
        [sys.executable, "-c", EPM, *COMMANDS[command](tmp_path, pair_file, answered), *base],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert ErrorClass.CONNECTION.value in done.stdout + done.stderr
