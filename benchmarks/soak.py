"""A long run on the rules transport, and taking it up again: memory, speed, disk and the time to the first call.

    python benchmarks/soak.py [N_ITEMS [MATCHER]]        100000 and two-calls unless given; or multi-agent-rag, the whole graph

Pairs are generated. ``two-calls`` asks the transport to read both listings, so that what is measured is gateway, ledger,
cache and store; no listing is indexed for it. The run is cut a hundred items before its end; then the same run is taken up
by a new process. Prints one JSON line for the run and one for taking it up: the slope of resident memory over the last
four fifths of the items, items a second in the first and the last tenth, bytes of the store for each item, and seconds
from the start of the new process to its first call.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from epm.agents.teach import TeachJob, teach
from epm.decision import Decision, Outcome
from epm.files.pairs import read_pairs, write_pairs
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, Task, TaskKind
from epm.gateway.transports.rules import RulesTransport
from epm.knowledge.catalogue import default_index
from epm.knowledge.index import KnowledgeEntry, KnowledgeIndex
from epm.listing import Listing
from epm.matcher import MatchContext, Matcher
from epm.pair import Pair
from epm.progress import ProgressEvent
from epm.registry import make_matcher
from epm.relation import Label
from epm.store.store import RunStore

N_LEFT = 100
MODEL = ModelSettings("rules")
BRANDS = ("Kolvra", "Tesmar", "Ondeka", "Brisel")


class TwoCalls:
    """Reads both listings, one call each."""

    name, version = "two-calls", "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """A match, once both were read."""
        for pair in batch:
            for listing in (pair.left, pair.right):
                body = {"model": "rules", "messages": [{"role": "system", "content": "Read."}, {"role": "user", "content": listing.title}]}
                task = Task(TaskKind.EXTRACT, {"listing": listing.texts()})
                await ctx.gateway.send(ChatRequest(body, task), CallScope(ctx.run_id, pair.id, "extract"))
        return [Decision(pair.id, Outcome.DECIDED, label=Label.MATCH) for pair in batch]


class NoIndex:
    """Keeps nothing."""

    name = "none"

    def add(self, entries: Sequence[KnowledgeEntry]) -> None:
        """Drop the entries."""

    def query(self, *_: object, **__: object) -> list[object]:
        """Nothing."""
        return []

    def count(self) -> int:
        """One: an empty index would be filled anew when the run is taken up."""
        return 1

    def close(self) -> None:
        """Nothing to close."""


class TimedTransport(RulesTransport):
    """Says when it was first asked."""

    first_call_s: float | None = None

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """The rules' answer."""
        if self.first_call_s is None:
            self.first_call_s = time.time()
        return await super().send(request, timeout_s=timeout_s)


def make_pairs(n: int) -> list[Pair]:
    """Pairs of lamps whose texts are all different."""
    return [
        Pair(
            f"p{i}",
            Listing(f"l{i}", f"{BRANDS[i % 4]} KX-{i} desk lamp 40 W black", description=f"LED lamp number {i} with a dimmer, 40 x 20 cm."),
            Listing(f"r{i}", f"{BRANDS[i % 4]} desk lamp KX {i} (40 watts, black)", description=f"Dimmable lamp {i}, 2 m cable, EU plug."),
        )
        for i in range(n)
    ]


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def run(folder: Path, matcher_name: str, *, is_cut: bool, began_s: float) -> dict[str, object]:
    """Teach the pairs of the folder, all but the last hundred if it is to be cut."""
    file = read_pairs(folder / "pairs.jsonl")
    matcher: Matcher = TwoCalls() if matcher_name == "two-calls" else make_matcher(matcher_name)
    knowledge: KnowledgeIndex = NoIndex() if matcher_name == "two-calls" else default_index(folder / "knowledge", "hash")  # type: ignore[assignment]
    transport = TimedTransport()
    seen: list[tuple[int, float, int]] = []

    def watch(event: ProgressEvent) -> None:
        if event.stage == "teach" and event.n_done % max(1, event.n_total // 200) == 0:
            seen.append((event.n_done, time.perf_counter(), rss_bytes()))

    with RunStore.open(folder / "store.db") as store, closing(knowledge):  # type: ignore[type-var]
        gateway = MeteredGateway(transport, store, concurrency=64)
        only = frozenset(pair.id for pair in file.pairs[:-N_LEFT]) if is_cut else None
        job = TeachJob(matcher, MODEL, file.sha256, "none", getattr(knowledge, "name", "none"), only=only)
        report = await teach(file.pairs, job, store=store, gateway=gateway, knowledge=knowledge, on_progress=watch)
    first_call_s = None if transport.first_call_s is None else round(transport.first_call_s - began_s, 2)
    return {
        "n_new": report.n_new,
        "first_call_after_s": first_call_s,
        "index_s": round(report.index_s, 1),
        **(figures(seen) if is_cut else {}),
    }


def figures(seen: list[tuple[int, float, int]]) -> dict[str, object]:
    """Memory and speed of the run."""
    n, at_s, rss = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    late = n >= 0.2 * n[-1]
    tenth = len(n) // 10
    first, last = (
        float((n[part][-1] - n[part][0]) / (at_s[part][-1] - at_s[part][0])) for part in (slice(1, tenth + 1), slice(-tenth - 1, None))
    )
    return {
        "items": int(n[-1]), "minutes": round((at_s[-1] - at_s[0]) / 60, 1), "items_per_s_first_tenth": round(first, 1),
        "items_per_s_last_tenth": round(last, 1), "last_over_first": round(last / first, 3),
        "rss_mb_at_end": round(rss[-1] / 1e6), "rss_bytes_per_item": round(float(np.polyfit(n[late], rss[late], 1)[0])),
    }  # fmt: skip


def main(n_items: int, matcher: str) -> None:
    """Run, measure the store, take it up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pairs(folder / "pairs.jsonl", make_pairs(n_items))
        for part in ("cut", "rest"):
            printed = subprocess.run(
                [sys.executable, __file__, "--part", part, name, matcher, str(time.time())], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            n_bytes = sum(path.stat().st_size for path in folder.glob("store.db*"))
            row = {"part": part, "matcher": matcher, **json.loads(printed), "store_bytes_per_item": round(n_bytes / n_items)}
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        part, place, wanted, began = sys.argv[2:6]
        sys.stdout.write(json.dumps(asyncio.run(run(Path(place), wanted, is_cut=part == "cut", began_s=float(began)))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, sys.argv[2] if len(sys.argv) > 2 else "two-calls")
