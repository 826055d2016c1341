"""``epm teach`` killed with SIGKILL at random moments and repeated until it is done: what was lost, what was sent twice.

    python benchmarks/kills.py [N_ITEMS [N_KILLS]]        2000 and 20 unless given

The server is the one of the tests; each process is the real command with litellm. Prints one JSON object.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import cast

from fake_server import script, seen, serving
from faults import RATIONALE

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.store.store import RunStore

EPM = [sys.executable, "-c", "from epm.cli.app import main; main()"]
CONCURRENCY = 16
EARLIEST_S, LATEST_S = 4.0, 16.0
"""Loading takes some 4 s here; a kill before that would meet no call in flight."""


def books(url: str, store_file: Path) -> tuple[int, int]:
    """Calls that the server saw, and calls that the ledger holds."""
    with RunStore.open(store_file) as store:
        n_ledger = sum(not call.is_cached for run in store.runs() for call in store.calls(run.run_id))
    return cast(int, seen(url)["n_requests"]), n_ledger


def measure(url: str, folder: Path, n_items: int, n_kills: int) -> dict[str, object]:
    """Kill, count, repeat."""
    script(url, latency_s=0.6, replies=[{"contains": "Compare the left and the right", "content": RATIONALE}])
    pairs = [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i} desk lamp"), Listing(f"r{i}", f"Kolvra lamp KX{i}")) for i in range(n_items)]
    write_pairs(folder / "pairs.jsonl", pairs)
    command = [
        *EPM, "teach", str(folder / "pairs.jsonl"), "--model", "openai/gpt-4o-mini", "--api-base", url, "--embedder", "hash",
        "--store", str(folder / "store.db"), "--concurrency", str(CONCURRENCY), "--json",
    ]  # fmt: skip
    rng, lost, n_lost = random.Random(1), [], 0
    for _ in range(n_kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(EARLIEST_S, LATEST_S))
        if process.poll() is not None:
            raise SystemExit(f"the run ended by itself with {process.returncode}: give more items")
        process.kill()
        process.wait()
        time.sleep(0.5)  # the server finishes what it had begun
        n_server, n_ledger = books(url, folder / "store.db")
        lost.append(n_server - n_ledger - n_lost)
        n_lost += lost[-1]
    last = subprocess.run(command, capture_output=True, text=True, check=True)
    sent = Counter(request["sha"] for request in cast("list[dict[str, str]]", seen(url)["requests"]))
    with RunStore.open(folder / "store.db") as store:
        (run,) = store.runs()
        items = list(store.items(run.run_id))
    return {
        "kills": n_kills, "in_flight": CONCURRENCY, "calls_lost_at_each_kill": lost, "most_lost": max(lost),
        "items": len(items), "distinct_items": len({item.item_id for item in items}), "status": run.status.value,
        "requests": sum(sent.values()), "distinct_requests": len(sent), "sent_again": sum(sent.values()) - len(sent),
        "first_line_of_the_last": next((line for line in last.stderr.splitlines() if "resuming" in line), ""),
    }  # fmt: skip


def main(n_items: int, n_kills: int) -> None:
    """Start the server, measure, print."""
    with tempfile.TemporaryDirectory() as folder, serving() as url:
        figures = measure(url, Path(folder), n_items, n_kills)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000, int(sys.argv[2]) if len(sys.argv) > 2 else 20)
