"""Candidates: recall of each channel at equal candidate counts on real tables, and time and memory on generated ones.

    python benchmarks/blocking.py recall ../shared/data [--dense minilm]
    python benchmarks/blocking.py scale 10000 30000 100000

``recall`` takes every set of channels at the same number of candidates: a channel that adds none is off by default.
Two tables of the WDC pairs are made from their distinct listings, and every pair of one cluster is a match. ``scale``
runs each size in a process of its own. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

from epm.blocking.blocker import BlockingPolicy, block
from epm.blocking.channel import ChannelName
from epm.blocking.listing_table import read_listings, read_matches
from epm.blocking.recall import Match, measure_recall
from epm.files.pairs import read_pairs
from epm.listing import Listing
from epm.relation import Relation
from epm.sample import World, generate

PER_LISTING = (1.0, 2.0, 3.5, 5.0)
Tables = tuple[tuple[Listing, ...], tuple[Listing, ...], tuple[Match, ...]]


def recall(data: Path, dense: str | None) -> None:
    names: list[ChannelName] = ["identifiers", "characters"] + (["dense"] if dense else [])  # type: ignore[list-item]
    for name, (left, right, gold) in real_tables(data).items():
        for channels in (found for size in range(1, len(names) + 1) for found in combinations(names, size)):
            for per_listing in PER_LISTING:
                policy = BlockingPolicy(channels, per_listing=per_listing, embedder=dense or "hash")
                blocked = block(left, right, policy)
                report = measure_recall(blocked, gold)
                show(
                    tables=name, channels="+".join(channels), per_listing=per_listing, n_candidates=len(blocked.candidates),
                    n_gold=report.n_gold, recall=round(report.recall, 4), recall_at_k={k: round(v, 4) for k, v in report.at_k},
                    lost_by_reason=report.lost_by_reason(), reduction_ratio=round(blocked.reduction_ratio, 5),
                )  # fmt: skip


def real_tables(data: Path) -> dict[str, Tables]:
    found: dict[str, Tables] = {}
    for name in ("abt-buy", "amazon-google"):
        folder = data / "blocking" / name
        left, right = read_listings(folder / "left.jsonl.gz"), read_listings(folder / "right.jsonl.gz")
        found[name] = (left, right, read_matches(folder / "matches.jsonl.gz", left, right))
    for name in ("train_small", "valid_small"):
        pairs = read_pairs(data / "wdc-products-80cc" / f"{name}.jsonl.gz").pairs
        left, right = (
            tuple({row.content_sha(): row for row in side}.values()) for side in zip(*((p.left, p.right) for p in pairs), strict=True)
        )
        gold = tuple(
            (i, j) for i, a in enumerate(left) for j, b in enumerate(right) if a.cluster_id is not None and a.cluster_id == b.cluster_id
        )
        found[f"wdc {name}"] = (left, right, gold)
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
        reduction_ratio=round(blocked.reduction_ratio, 6),
    )  # fmt: skip


def show(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_recall = commands.add_parser("recall")
    of_recall.add_argument("data", type=Path)
    of_recall.add_argument("--dense", choices=["minilm", "hash"])
    commands.add_parser("scale").add_argument("sizes", type=int, nargs="+")
    chosen = parser.parse_args()
    if chosen.command == "recall":
        recall(chosen.data, chosen.dense)
    elif len(chosen.sizes) == 1:
        scale(chosen.sizes[0])
    else:
        for size in chosen.sizes:
            subprocess.run([sys.executable, __file__, "scale", str(size)], check=True)


if __name__ == "__main__":
    main()
