"""kill -9 at random moments: nothing lost, nothing twice, at most the calls in flight sent again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from epm.store.records import RunStatus
from epm.store.store import RunStore

N_ITEMS, CONCURRENCY, N_KILLS = 150, 6, 6
WORKER = Path(__file__).parent / "kill_worker.py"


def start(place: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(WORKER), str(place), url, str(N_ITEMS), str(CONCURRENCY)])


def n_answered(place: Path) -> int:
    """Calls whose replies are in the ledger, cache hits apart."""
    with RunStore.open(place) as store:
        return sum(not call.is_cached for run in store.runs() for call in store.calls(run.run_id))


@pytest.mark.parametrize("seed", [1])
def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(fake_server: Any, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    place = tmp_path / "store.db"
    fake_server.script(latency_s=0.02)
    n_lost = 0
    for _ in range(N_KILLS):
        before = fake_server.n_requests()
        process = start(place, fake_server.url)
        while fake_server.n_requests() < before + 10:  # it has begun to send
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        time.sleep(0.1)  # the server finishes what it had begun
        lost_now = fake_server.n_requests() - n_answered(place) - n_lost
        assert 0 <= lost_now <= CONCURRENCY
        n_lost += lost_now
    assert start(place, fake_server.url).wait() == 0

    requests = Counter(request["sha"] for request in fake_server.log()["requests"])
    assert len(requests) == 2 * N_ITEMS
    n_sent_again = sum(requests.values()) - len(requests)
    assert n_lost > 0
    assert n_sent_again <= n_lost
    with RunStore.open(place) as store:
        (run,) = store.runs()
        assert run.status is RunStatus.DONE
        items = list(store.items(run.run_id))
        assert Counter(item.item_id for item in items) == Counter(f"p{i}" for i in range(N_ITEMS))
        assert {item.attempt for item in items} == {1}
        physical = [call for call in store.calls(run.run_id) if not call.is_cached]
        assert max(Counter(call.key for call in physical).values()) == 1
        assert store.run_summary(run.run_id).n_calls == 2 * N_ITEMS


def test_a_finished_run_started_again_sends_nothing(fake_server: Any, tmp_path: Path) -> None:
    place = tmp_path / "store.db"
    assert start(place, fake_server.url).wait() == 0
    n_requests = fake_server.n_requests()
    assert start(place, fake_server.url).wait() == 0
    assert fake_server.n_requests() == n_requests == 2 * N_ITEMS


def test_ctrl_c_finishes_the_items_in_flight_and_leaves_the_run_resumable(fake_server: Any, tmp_path: Path) -> None:
    place = tmp_path / "store.db"
    fake_server.script(latency_s=0.05)
    process = start(place, fake_server.url)
    while fake_server.n_requests() < 20:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) != 0
    with RunStore.open(place) as store:
        (run,) = store.runs()
        done = store.done_ids(run.run_id)
    assert 0 < len(done) < N_ITEMS
    assert fake_server.n_requests() == 2 * len(done) == n_answered(place)
    assert start(place, fake_server.url).wait() == 0
    assert fake_server.n_requests() == 2 * N_ITEMS
