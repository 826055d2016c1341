"""Signals to a teaching command: words at once, no new call, the right exit code, nothing paid twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.store.records import RunStatus
from epm.store.schema import leases
from epm.store.store import RunStore

N_PAIRS = 12


def start(folder: Path, url: str) -> subprocess.Popen[str]:
    def heed_signals() -> None:  # a shell starts background jobs with Ctrl-C ignored, and children inherit that
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    write_pairs(
        folder / "pairs.jsonl", [Pair(f"p{i}", Listing(f"l{i}", f"kettle {i}"), Listing(f"r{i}", f"pot {i}")) for i in range(N_PAIRS)]
    )
    command = (
        "teach",
        "pairs.jsonl",
        "--matcher",
        "zero-shot",
        "--model",
        "openai/m",
        "--api-base",
        url,
        "--store",
        "s.db",
        "--concurrency",
        "2",
    )
    return subprocess.Popen(
        [sys.executable, "-c", "from epm.cli.app import main; main()", *command],
        cwd=folder, env={**os.environ, "OPENAI_API_KEY": "k"}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=heed_signals,  # noqa: PLW1509  # no threads of ours run here
    )  # fmt: skip


def wait_for(server: Any, process: subprocess.Popen[str], n_requests: int) -> None:
    while server.n_requests() < n_requests:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.02)


def ended(process: subprocess.Popen[str], *, timeout_s: float) -> str:
    """What it wrote to stderr; a process that does not end is killed, so that a red test leaves none behind."""
    try:
        return process.communicate(timeout=timeout_s)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise


def status(folder: Path) -> RunStatus:
    with RunStore.open(folder / "s.db") as store:
        return store.runs()[0].status


def n_leases(folder: Path) -> int:
    with RunStore.open_to_read(folder / "s.db") as store:
        return len(store.read(lambda connection: connection.execute(select(leases)).all()))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_finishes_what_is_in_flight_and_the_run_resumes(fake_server: Any, tmp_path: Path, number: int, code: int) -> None:
    fake_server.script(latency_s=1.0)
    process = start(tmp_path, fake_server.url)
    wait_for(fake_server, process, 2)
    process.send_signal(number)
    time.sleep(0.2)
    n_requests = fake_server.n_requests()
    words = ended(process, timeout_s=60)
    assert "finishing" in words, words
    assert "items done; repeat the command to resume" in words, words
    assert "Traceback" not in words
    assert process.returncode == code
    assert fake_server.n_requests() == n_requests
    assert status(tmp_path) is RunStatus.INTERRUPTED
    assert n_leases(tmp_path) == 0

    again = start(tmp_path, fake_server.url)
    ended(again, timeout_s=120)
    assert again.returncode == 0
    assert status(tmp_path) is RunStatus.DONE
    assert max(Counter(request["sha"] for request in fake_server.log()["requests"]).values()) == 1


def test_a_wait_between_two_attempts_is_let_go(fake_server: Any, tmp_path: Path) -> None:
    fake_server.script(fault_rate=1.0, fault_kinds=["429_retry_after"], retry_after="60")
    process = start(tmp_path, fake_server.url)
    wait_for(fake_server, process, 2)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    n_requests = fake_server.n_requests()
    words = ended(process, timeout_s=30)  # less than the pause that the server asked for
    assert "finishing" in words, words
    assert process.returncode == 130
    assert fake_server.n_requests() == n_requests
    assert status(tmp_path) is RunStatus.INTERRUPTED


def test_a_second_signal_stops_before_the_call_is_answered(fake_server: Any, tmp_path: Path) -> None:
    fake_server.script(latency_s=120.0)
    process = start(tmp_path, fake_server.url)
    wait_for(fake_server, process, 2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    words = ended(process, timeout_s=30)  # far less than the call would take
    assert "press Ctrl-C again to stop now" in words, words
    assert process.returncode == 130
