"""What the teacher's graph costs for each pair: ``epm teach`` with the rules transport, embedding and index counted apart.

    python benchmarks/teach_speed.py ../shared/data/wdc-products-80cc/valid_small.jsonl.gz [--embedder hash] [--n 500] [--profile]

Three runs, each in a process and a store of its own, then their median. The first 20 pairs are decided in another store before that, which
loads and compiles what loads late. ``graph_ms`` is all CPU of the process for a pair less embedding and index: graph, engine, rules, gateway, ledger and
store; ``index_ms`` is that of adding and finding entries without their encoding. Memory is resident bytes: its slope for each pair
over the last four fifths of them. The report of the run is printed with it. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from epm.agents.report import TeachReport
from epm.agents.teach import teach
from epm.agents.teach_file import TeachOptions, teach_gateway, teach_setting
from epm.knowledge import embedder
from epm.knowledge.index import KnowledgeEntry, KnowledgeHit, KnowledgeIndex
from epm.progress import ProgressEvent
from epm.sync import run_sync

N_RUNS = 3
N_WARM = 20
"""Pairs that load what loads late: the first one may ask nothing, and then no research is loaded."""
MEDIANS = (
    "graph_ms",
    "embedding_ms",
    "index_ms",
    "wall_ms",
    "rss_bytes_per_pair",
    "rss_bytes_per_pair_again",
    "rss_mb_at_end",
    "warming_cpu_s",
)


class Clock:
    """CPU seconds of the process inside the calls that it wraps."""

    def __init__(self) -> None:
        self.spent_s = 0.0

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, on the clock."""

        def call(*arguments: object, **options: object) -> object:
            start = time.process_time()
            try:
                return work(*arguments, **options)
            finally:
                self.spent_s += time.process_time() - start

        return call


class TimedIndex:
    """The index of the run, every call of it on the clock."""

    def __init__(self, inner: KnowledgeIndex, clock: Clock) -> None:
        self._inner = inner
        self._add, self._query = clock.timed(inner.add), clock.timed(inner.query)

    def add(self, entries: Sequence[KnowledgeEntry]) -> None:
        """Store the entries."""
        self._add(entries)

    def query(self, text: str, **options: object) -> list[KnowledgeHit]:
        """The nearest entries."""
        found: list[KnowledgeHit] = self._query(text, **options)
        return found

    def count(self) -> int:
        """How many there are."""
        return self._inner.count()


class Memory:
    """Resident bytes after each pair."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, int]] = []

    def watch(self, event: ProgressEvent) -> None:
        """Look, when another pair is done."""
        if event.stage == "teach":
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self._seen.append((event.n_done, pages * os.sysconf("SC_PAGE_SIZE")))

    def slope(self) -> int:
        """Bytes for each pair over the last four fifths of the pairs."""
        done, rss = np.array(self._seen, dtype=float).T
        late = done >= done[-1] / 5
        return round(float(np.polyfit(done[late], rss[late], 1)[0]))

    def at_end_mb(self) -> int:
        """Megabytes after the last pair."""
        return round(self._seen[-1][1] / 1e6)


def run(path: Path, name: str, n: int, *, is_profiled: bool) -> dict[str, object]:
    """The figures of one run."""
    embedding, index = Clock(), Clock()
    for kind in (embedder.HashEmbedder, embedder.MiniLmEmbedder):
        kind.encode = embedding.timed(kind.encode)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:

        def options(part: str, limit: int) -> TeachOptions:
            return TeachOptions(store=f"{folder}/{part}/store.db", embedder=name, limit=limit)

        start = time.process_time()
        taught(path, options("warm", N_WARM), Clock(), Memory())
        warming_s, embedding.spent_s = time.process_time() - start, 0.0
        profile, memory = cProfile.Profile(time.process_time), Memory()  # other work on the machine must not count
        if is_profiled:
            profile.enable()
        start, started_s = time.process_time(), time.perf_counter()
        report = taught(path, options("run", n), index, memory)
        cpu_s, wall_s, embedding_s = time.process_time() - start, time.perf_counter() - started_s, embedding.spent_s
        if is_profiled:
            profile.disable()
            pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(100)
        again = Memory()
        taught(path, options("again", n), Clock(), again)
    share_ms = 1000 / report.n_new
    return {
        "embedder": name, "pairs": report.n_new, "graph_ms": round((cpu_s - index.spent_s) * share_ms, 2),
        "embedding_ms": round(embedding_s * share_ms, 2), "index_ms": round((index.spent_s - embedding_s) * share_ms, 2),
        "wall_ms": round(wall_s * share_ms, 2), "warming_cpu_s": round(warming_s, 2), "rss_mb_at_end": memory.at_end_mb(),
        "rss_bytes_per_pair": memory.slope(), "rss_bytes_per_pair_again": again.slope(), "report": report.to_json(),
    }  # fmt: skip


def taught(path: Path, options: TeachOptions, clock: Clock, memory: Memory) -> TeachReport:
    with teach_setting(path, options) as setting:
        gateway = teach_gateway(setting, options)
        knowledge = TimedIndex(setting.knowledge, clock)
        return run_sync(
            teach(setting.pairs, setting.job, store=setting.store, gateway=gateway, knowledge=knowledge, on_progress=memory.watch)
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("pairs", type=Path)
    options.add_argument("--n", type=int, default=500)
    options.add_argument("--embedder", default="hash", choices=embedder.EMBEDDERS)
    options.add_argument("--profile", action="store_true", help="one run in this process, with its profile on stderr")
    options.add_argument("--once", action="store_true", help="one run in this process")
    chosen = options.parse_args()
    if chosen.once or chosen.profile:
        print(json.dumps(run(chosen.pairs, chosen.embedder, chosen.n, is_profiled=chosen.profile)))
        return
    command = [sys.executable, __file__, str(chosen.pairs), "--n", str(chosen.n), "--embedder", chosen.embedder, "--once"]
    runs = []
    for _ in range(N_RUNS):
        runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
        print(json.dumps({**runs[-1], "report": None if len(runs) < N_RUNS else runs[-1]["report"]}), flush=True)
    print(json.dumps({"embedder": chosen.embedder, "median_of": N_RUNS, **{name: median(one[name] for one in runs) for name in MEDIANS}}))


if __name__ == "__main__":
    main()
