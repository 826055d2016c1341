"""Two processes on one run, one budget or one store: nothing is paid twice, caps hold, and a lock is told and waited for."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.store.leases import live_leases
from epm.store.records import RunStatus
from epm.store.schema import leases
from epm.store.store import RunStore
from forked_python import EPM, Started, start_forked

pytest.importorskip("chromadb")

N_PAIRS, CONCURRENCY = 30, 3
PRICE_USD = 10e-6
"""Of one token, in or out, as ``--price 10,10`` says it."""
ONE_CALL_USD = 0.002
"""More than a call takes here: about 130 tokens."""
NEXT_USD = re.compile(r"next call may cost \$([\d.]+)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pairs = [Pair(f"p{i}", Listing(f"l{i}", f"kettle {i}"), Listing(f"r{i}", f"pot {i}")) for i in range(N_PAIRS)]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    return tmp_path


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The store of both commands."""
    return str(tmp_path / "s.db") if request.param == "file" else request.getfixturevalue("postgres_url")


TEACH = ("teach", "--matcher", "zero-shot", "--embedder", "hash")


def start(
    folder: Path, url: str, *more: object, command: tuple[object, ...] = TEACH, before: tuple[object, ...] = (), place: str = "s.db"
) -> Started:
    """A command of epm on the pairs, beside the test."""
    command = (
        *before, *command, "pairs.jsonl", "--model", "openai/m", "--api-base", url, "--store", place,
        "--concurrency", CONCURRENCY, "--price", "10,10", *more,
    )  # fmt: skip
    outputs = folder / f"outputs-{len(list(folder.glob('outputs-*')))}"
    return start_forked(EPM, *command, cwd=folder, env={**os.environ, "OPENAI_API_KEY": "k"}, outputs=outputs)


def wait_for(server: Any, process: Started, n_requests: int) -> None:
    while server.n_requests() < n_requests:
        assert process.poll() is None, process.stderr()
        time.sleep(0.02)


def status(place: str | Path) -> RunStatus:
    with RunStore.open(place) as store:
        return store.runs()[0].status


def n_prompts(server: Any) -> int:
    """How many different ones the server saw."""
    return len({request["sha"] for request in server.log()["requests"]})


def next_usd(words: str) -> float:
    """What the call that a cap refused might have cost."""
    found = NEXT_USD.search(words)
    assert found is not None, words
    return float(found[1])


def billed_usd(server: Any) -> float:
    log = server.log()
    return PRICE_USD * (log["prompt_tokens"] + log["completion_tokens"])


@pytest.mark.parametrize(
    ("command", "what", "name"),
    [
        (TEACH, "is being worked on by process", "teach"),
        (("match", "--matcher", "zero-shot"), "these pairs are being decided in the same way by process", "match, bench or audit"),
    ],
    ids=["teach", "match"],
)
def test_the_second_of_two_starts_is_told_by_whom_and_since_when_and_asks_nothing(
    fake_server: Any, folder: Path, place: str, command: tuple[object, ...], what: str, name: str
) -> None:
    fake_server.script(latency_s=0.6)
    first = start(folder, fake_server.url, place=place, command=command)
    wait_for(fake_server, first, 1)
    second = start(folder, fake_server.url, place=place, command=command)
    words = second.ended()
    assert (first.poll(), second.returncode) == (None, 2), words
    assert f"{what} {first.pid} on host" in words
    assert f"'epm {name}', since 20" in words
    assert "wait until it has ended, or stop it, then repeat the command" in words
    assert "Traceback" not in words
    if command == TEACH:
        assert status(place) is RunStatus.RUNNING
    words = first.ended()
    assert first.returncode == 0, words
    assert (fake_server.n_requests(), n_prompts(fake_server)) == (N_PAIRS, N_PAIRS)
    if command == TEACH:
        assert status(place) is RunStatus.DONE


def test_a_run_whose_process_was_killed_is_taken_up_at_once_under_the_same_cap(fake_server: Any, folder: Path, place: str) -> None:
    fake_server.script(latency_s=0.3)
    cap = ("--max-cost-usd", 0.05)
    first = start(folder, fake_server.url, *cap, place=place)
    wait_for(fake_server, first, 10)
    first.kill()
    first.ended()
    with RunStore.open(place) as store:
        assert store.read(live_leases) == []
        assert len(store.read(lambda connection: connection.execute(select(leases)).all())) == 1
    time.sleep(0.4)  # the server ends what was in flight
    again = start(folder, fake_server.url, *cap, place=place)
    words = again.ended()
    assert again.returncode == 3, words
    assert "the cap of this run is reached" in words
    assert billed_usd(fake_server) <= cap[1] - next_usd(words) + (1 + CONCURRENCY) * ONE_CALL_USD, "what the killed process spent counts"
    n_sent_again = sum(Counter(request["sha"] for request in fake_server.log()["requests"]).values()) - n_prompts(fake_server)
    assert n_sent_again <= CONCURRENCY


def test_two_commands_under_one_budget_never_pass_its_cap(fake_server: Any, folder: Path, place: str) -> None:
    fake_server.script(latency_s=0.05)
    budget = ("--budget", "spring", "--max-cost-usd", 0.06)  # of the $0.094 that both would take
    both = [
        start(folder, fake_server.url, *budget, place=place, command=("match", "--matcher", matcher)) for matcher in ("zero-shot", "cot")
    ]
    words = [process.ended() for process in both]
    assert [process.returncode for process in both] == [3, 3], words
    assert all("the budget 'spring' is reached" in one for one in words)
    assert 0 < billed_usd(fake_server) <= budget[3]
    alone = start(folder, fake_server.url, *budget, place=place, command=("match", "--matcher", "cot"))
    most_usd = next_usd(alone.ended())
    assert alone.returncode == 3
    spent_usd = billed_usd(fake_server)
    assert budget[3] - most_usd < spent_usd <= budget[3], "what calls in flight had held and did not take is there again"
    with RunStore.open(place) as store:
        assert store.budget("spring", None).left_usd() == pytest.approx(budget[3] - spent_usd)


def test_a_store_locked_for_too_long_stops_the_run_which_goes_on_later(fake_server: Any, folder: Path) -> None:
    fake_server.script(latency_s=0.3)
    first = start(folder, fake_server.url, before=("--store-wait-s", 2))
    wait_for(fake_server, first, 4)
    with closing(sqlite3.connect(folder / "s.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        words = first.ended()
        other.execute("ROLLBACK")
    assert status(folder / "s.db") is RunStatus.INTERRUPTED
    assert first.returncode == 2, words
    assert "epm: note: store 's.db' is locked: wait for " in words
    assert re.search(r"cannot write store 's.db': it is locked, and still was after ([2-9]|\d\d) s; wait for ", words)
    assert "Traceback" not in words
    assert fake_server.n_requests() <= 4 + 2 * CONCURRENCY, "nothing new is begun once a reply cannot be kept"
    again = start(folder, fake_server.url)
    words = again.ended()
    assert again.returncode == 0, words
    assert fake_server.n_requests() - N_PAIRS <= CONCURRENCY, "only what could not be kept is asked again"
    assert status(folder / "s.db") is RunStatus.DONE
