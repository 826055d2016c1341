"""Pairs a second of the evidence engine on one core: cold, with parses cached, beside rapidfuzz and MiniLM; and hostile long titles.

    python benchmarks/engine_speed.py ../shared/data/abt-buy/valid.jsonl.gz

Times are CPU seconds of this process, so that other work on the machine disturbs little. Every matcher reads title and
description, as far as it reads at all; MiniLM encodes both sides of the first pairs only. Prints JSON lines.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rapidfuzz import fuzz

from epm.evidence.engine import compare, compare_listings
from epm.evidence.parsed import parse_texts
from epm.files.pairs import read_pairs
from epm.knowledge.embedder import MiniLmEmbedder, minilm_is_installed
from epm.listing import Listing
from epm.pair import Pair

HOSTILE = ("a", "1", "1 x ", "12.", "for ", "+ ", "6er pack of ", "KX-", "AB-12-", "1.7 l ", "(((", "½", "mit ", "2x ")
SIZES = (10_000, 30_000, 100_000)
N_ENCODED = 200


def main(path: Path) -> None:
    pairs = read_pairs(path).pairs
    compare_all(pairs)  # fills the cache, word lists and patterns, untimed
    for name, work in (
        ("engine, cold", compare_cold),
        ("engine, parses cached", compare_all),
        ("rapidfuzz token_set_ratio", compare_words),
    ):
        taken_s = cpu_s(partial(work, pairs))
        print(json.dumps({"what": name, "n_pairs": len(pairs), "pairs_per_s": round(len(pairs) / taken_s, 1)}), flush=True)
    if minilm_is_installed():
        show_encoder(pairs[:N_ENCODED])
    show_hostile()


def compare_cold(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        compare_listings(parse_texts(pair.left.texts()), parse_texts(pair.right.texts()))


def compare_all(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        compare(pair)


def compare_words(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        fuzz.token_set_ratio(f"{pair.left.title} {pair.left.description}", f"{pair.right.title} {pair.right.description}")


def show_encoder(pairs: Sequence[Pair]) -> None:
    encoder = MiniLmEmbedder()
    encoder.encode(["warm"])  # loads the weights
    texts = [f"{listing.title} {listing.description or ''}" for pair in pairs for listing in (pair.left, pair.right)]
    taken_s = cpu_s(lambda: encoder.encode(texts))
    print(
        json.dumps({"what": "MiniLM, both sides encoded", "n_pairs": len(pairs), "pairs_per_s": round(len(pairs) / taken_s, 1)}), flush=True
    )


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
