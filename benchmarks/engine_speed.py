"""Pairs a second of the evidence engine on one core: cold, with parses cached, beside rapidfuzz; and hostile long titles.

    python benchmarks/engine_speed.py ../shared/data/abt-buy/valid.jsonl.gz

Times are CPU seconds of this process, so that other work on the machine disturbs little. Prints JSON lines.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rapidfuzz import fuzz

from epm.evidence.engine import compare, compare_listings
from epm.evidence.parsed import parse_texts
from epm.files.pairs import read_pairs
from epm.listing import Listing
from epm.pair import Pair

HOSTILE = ("a", "1", "1 x ", "12.", "for ", "+ ", "6er pack of ", "KX-", "AB-12-", "1.7 l ", "(((", "½", "mit ", "2x ")
SIZES = (10_000, 30_000, 100_000)


def main(path: Path) -> None:
    pairs = read_pairs(path).pairs
    compare(Pair("warm", Listing("l", "Kolvra KX-120"), Listing("r", "Kolvra KX-120")))  # word lists and patterns are built once

    def cold() -> None:
        for pair in pairs:
            compare_listings(parse_texts(pair.left.texts()), parse_texts(pair.right.texts()))

    def cached() -> None:
        for pair in pairs:
            compare(pair)

    def ratios() -> None:
        for pair in pairs:
            fuzz.token_set_ratio(f"{pair.left.title} {pair.left.description}", f"{pair.right.title} {pair.right.description}")

    cached()  # fills the cache, untimed
    for name, work in (("engine, cold", cold), ("engine, parses cached", cached), ("rapidfuzz token_set_ratio", ratios)):
        print(json.dumps({"what": name, "n_pairs": len(pairs), "pairs_per_s": round(len(pairs) / cpu_s(work), 1)}), flush=True)
    show_hostile()


def show_hostile() -> None:
    other = Listing("r", "Kolvra KX-120 kettle 1.7 l")
    for n_chars in SIZES:
        times = {unit: cpu_s(lambda: compare(Pair("p", Listing("l", unit * (n_chars // len(unit))), other))) for unit in HOSTILE}  # noqa: B023
        worst = max(times, key=times.__getitem__)
        print(json.dumps({"what": "hostile title", "n_chars": n_chars, "worst": worst, "ms": round(1000 * times[worst], 2)}), flush=True)


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main(Path(sys.argv[1]))
