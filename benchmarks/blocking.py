"""Candidates: recall of each set of channels at equal numbers of candidates on real tables, and time and memory on generated ones.

    python benchmarks/blocking.py recall ../shared/data [--dense minilm] [--only abt-buy]
    python benchmarks/blocking.py graph ../shared/data --dense minilm [--only abt-buy]
    python benchmarks/blocking.py scale 10000 30000 100000

``recall`` cuts every set of channels at the same numbers of candidates, and counts the matches that one more channel
gains and loses there: a channel that adds none is off by default. The two tables of the WDC pairs are their distinct
listings, and every pair of one cluster is a match; offers that say the same on both sides are neither links nor matches,
for anything would find them. ``graph`` compares chromadb with exact search. ``scale`` runs each size in a process of its
own; its matches are the pairs as generated, though other pairs may be one product too. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from epm.blocking.blocker import TOP_K, Blocked, BlockingPolicy, block
from epm.blocking.candidate import Links
from epm.blocking.channel import ChannelName, SimilarityChannel
from epm.blocking.dense import DenseChannel
from epm.blocking.fusion import fuse
from epm.blocking.identifier_channel import IdentifierChannel
from epm.blocking.lexical import CharacterChannel
from epm.blocking.listing_table import read_listings, read_matches
from epm.blocking.recall import Match, RecallReport, measure_recall
from epm.files.pairs import read_pairs
from epm.knowledge.embedder import Embedder, make_embedder
from epm.listing import Listing
from epm.relation import Relation
from epm.sample import World, generate

PER_LISTING = (1.0, 2.0, 3.5, 5.0)
AT_K = 10
Tables = tuple[tuple[Listing, ...], tuple[Listing, ...], tuple[Match, ...]]


@dataclass(frozen=True)
class Searched:
    """What every channel finds in two tables, to be cut in many ways; equal offers are left out."""

    left: tuple[Listing, ...]
    right: tuple[Listing, ...]
    links: dict[ChannelName, Links]
    similarity: dict[ChannelName, SimilarityChannel]

    def cut(self, channels: Sequence[ChannelName], per_listing: float) -> Blocked:
        """What blocking with these channels and this budget gives."""
        found = [(self.similarity[name], self.links[name]) for name in channels if name in self.similarity]
        identifiers = self.links["identifiers"] if "identifiers" in channels else None
        n_kept = math.ceil(per_listing * max(len(self.left), len(self.right)))
        candidates = fuse(found, identifiers, n_right=len(self.right), n_kept=n_kept)
        links = tuple((name, self.links[name]) for name in channels)
        policy = BlockingPolicy(tuple(channels), per_listing=per_listing)
        return Blocked(self.left, self.right, tuple(candidates), links, tuple(channel for channel, _ in found), policy)


def search(left: tuple[Listing, ...], right: tuple[Listing, ...], embedder: Embedder | None) -> Searched:
    similarity: dict[ChannelName, SimilarityChannel] = {"characters": CharacterChannel(left, right)}
    if embedder is not None:
        similarity["dense"] = DenseChannel(left, right, embedder)
    links: dict[ChannelName, Links] = {"identifiers": IdentifierChannel(left, right).links()}
    links |= {name: channel.nearest(TOP_K) for name, channel in similarity.items()}
    digests = [np.array([listing.content_sha() for listing in table]) for table in (left, right)]
    for name, found in links.items():
        kept = digests[0][found.left] != digests[1][found.right]
        links[name] = Links(found.left[kept], found.right[kept], found.similarity[kept])
    return Searched(left, right, links, similarity)


def recall(data: Path, dense: str | None, only: str | None) -> None:
    embedder = make_embedder(dense) if dense else None
    for name, (left, right, gold) in real_tables(data, only).items():
        started_s, searched = time.perf_counter(), search(left, right, embedder)
        show(tables=name, n_left=len(left), n_right=len(right), n_gold=len(gold), search_s=round(time.perf_counter() - started_s, 1))
        names = list(searched.links)
        for per_listing in PER_LISTING:
            reports: dict[str, RecallReport] = {}
            for channels in (found for size in range(1, len(names) + 1) for found in combinations(names, size)):
                blocked = searched.cut(channels, per_listing)
                reports["+".join(channels)] = report = measure_recall(blocked, gold)
                show(
                    tables=name, channels="+".join(channels), per_listing=per_listing, n_candidates=len(blocked.candidates),
                    n_gold=report.n_gold, recall=round(report.recall, 4), recall_at_k={k: round(v, 4) for k, v in report.at_k},
                    lost_by_reason=report.lost_by_reason(), reduction_ratio=round(blocked.reduction_ratio, 5),
                )  # fmt: skip
            for more, without in (("identifiers", "characters"), ("dense", "identifiers+characters")):
                if more in searched.links:
                    joined = "+".join(name for name in names if name == more or name in without.split("+"))
                    show(tables=name, per_listing=per_listing, adds=more, to=without, **exchanged(reports[without], reports[joined]))


def exchanged(without: RecallReport, joined: RecallReport) -> dict[str, object]:
    """Matches among the candidates only with, and only without, one more channel; p of a two-sided sign test."""
    lost_without, lost_joined = ({(lost.left, lost.right) for lost in report.lost} for report in (without, joined))
    n_gained, n_lost = len(lost_without - lost_joined), len(lost_joined - lost_without)
    n = n_gained + n_lost
    tail = sum(math.comb(n, i) for i in range(min(n_gained, n_lost) + 1)) / 2**n
    return {"n_gained": n_gained, "n_lost": n_lost, "p": round(min(1.0, 2 * tail), 4)}


def graph(data: Path, dense: str, only: str | None) -> None:
    embedder = make_embedder(dense)
    for name, (left, right, _) in real_tables(data, only).items():
        exact = DenseChannel(left, right, embedder)
        exact_s = timed(lambda channel=exact: channel.nearest(AT_K))
        with tempfile.TemporaryDirectory() as folder:
            started_s = time.perf_counter()
            on_disk = DenseChannel(left, right, embedder, folder=Path(folder))
            built_s = time.perf_counter() - started_s
            asked_s = timed(lambda channel=on_disk: channel.nearest(AT_K))
            share = on_disk.index_recall()
        show(
            tables=name, n_left=len(left), n_right=len(right), vectors=embedder.model_id, k=AT_K, graph_recall=share,
            exact_s=round(exact_s, 2), built_s=round(built_s, 2), asked_s=round(asked_s, 2),
        )  # fmt: skip


def real_tables(data: Path, only: str | None) -> dict[str, Tables]:
    found: dict[str, Tables] = {}
    for name in (name for name in ("abt-buy", "amazon-google") if only in {None, name}):
        folder = data / "blocking" / name
        left, right = read_listings(folder / "left.jsonl.gz"), read_listings(folder / "right.jsonl.gz")
        found[name] = (left, right, read_matches(folder / "matches.jsonl.gz", left, right))
    for name in (name for name in ("train_small", "valid_small") if only in {None, f"wdc {name}"}):
        pairs = read_pairs(data / "wdc-products-80cc" / f"{name}.jsonl.gz").pairs
        left, right = (
            tuple({row.content_sha(): row for row in side}.values()) for side in zip(*((p.left, p.right) for p in pairs), strict=True)
        )
        gold = tuple(
            (i, j) for i, a in enumerate(left) for j, b in enumerate(right)
            if a.cluster_id is not None and a.cluster_id == b.cluster_id and a.content_sha() != b.content_sha()
        )  # fmt: skip
        found[f"wdc {name}"] = (left, right, gold)
    if only in {None, "generated"}:
        found["generated"] = generated(1500)
    return found


def generated(n: int) -> Tables:
    pairs = [sample.pair for sample in generate(World.PRETRAIN, n, seed=5)]
    gold = tuple((row, row) for row, pair in enumerate(pairs) if pair.relation is Relation.EXACT)
    return tuple(pair.left for pair in pairs), tuple(pair.right for pair in pairs), gold


def scale(n: int) -> None:
    left, right, gold = generated(n)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    blocked = block(left, right)
    wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = measure_recall(blocked, gold)
    show(
        n_a_side=n, n_candidates=len(blocked.candidates), n_gold=report.n_gold, recall_at_k={k: round(v, 4) for k, v in report.at_k},
        wall_s=round(wall_s, 1), cpu_s=round(cpu_s, 1), peak_mb=round(peak_mb), tables_mb=round(before_mb),
        reduction_ratio=round(blocked.reduction_ratio, 6), lost_by_reason=report.lost_by_reason(),
    )  # fmt: skip


def timed(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def show(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("recall", "graph"):
        real = commands.add_parser(name)
        real.add_argument("data", type=Path)
        real.add_argument("--dense", choices=["minilm", "hash"], required=name == "graph")
        real.add_argument("--only", help="one set of tables: abt-buy, amazon-google, 'wdc train_small', 'wdc valid_small', generated")
    commands.add_parser("scale").add_argument("sizes", type=int, nargs="+")
    chosen = parser.parse_args()
    if chosen.command == "recall":
        recall(chosen.data, chosen.dense, chosen.only)
    elif chosen.command == "graph":
        graph(chosen.data, chosen.dense, chosen.only)
    elif len(chosen.sizes) == 1:
        scale(chosen.sizes[0])
    else:
        for size in chosen.sizes:
            subprocess.run([sys.executable, __file__, "scale", str(size)], check=True)


if __name__ == "__main__":
    main()
