"""What recall saves and how often it is right, ours beside Q2K's: one JSON line for each way, the coverage and the differences.

    python benchmarks/retrieval.py PAIRS [--limit 1000] [--embedder minilm|hash] [--seed 0] [--assume-answers]
    python benchmarks/retrieval.py --world test --n 2000

PAIRS is a labelled pair file; without one, pairs are generated. The rules answer every task, so nothing is sent and nothing costs;
tokens are then an estimate of what a model would have read and written (four characters a token), and comparable between the ways only.
The order of the pairs is shuffled by the seed, as teaching does it. ``--assume-answers`` lets every search succeed: the rules find few
answers, so few could ever be used again, and what the key and the vector would take for the same question is seen on these few only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from pathlib import Path

from epm.agents.research_loop import research_question
from epm.eval.recall_ways import Cosine, Keyed, answered_by_assumption
from epm.eval.retrieval import Stream, measure_retrieval
from epm.files.pairs import read_pairs
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.gateway.transports.rules import RulesTransport
from epm.knowledge.embedder import make_embedder
from epm.pair import Pair
from epm.sample import World, generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pairs", nargs="?", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--world", type=World, default=World.TEST, help="of the generated pairs")
    parser.add_argument("--n", type=int, default=1000, help="generated pairs")
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--assume-answers", action="store_true")
    asked = parser.parse_args()
    pairs = list(read_pairs(asked.pairs).pairs) if asked.pairs else [one.pair for one in generate(asked.world, asked.n, seed=asked.seed)]
    random.Random(asked.seed).shuffle(pairs)
    measure(
        pairs[: asked.limit],
        asked.embedder,
        where=str(asked.pairs or f"generated {asked.world}"),
        seed=asked.seed,
        is_assumed=asked.assume_answers,
    )


def measure(pairs: list[Pair], embedder_name: str, *, where: str, seed: int, is_assumed: bool) -> None:
    embedder = make_embedder(embedder_name)
    stream = Stream(pairs, MeteredGateway(RulesTransport(), None), ModelSettings("rules"), embedder)
    start = time.perf_counter()
    research = answered_by_assumption if is_assumed else research_question
    ways = [Keyed(research), Cosine(research), Cosine(research, is_gated=False)]
    report = asyncio.run(measure_retrieval(stream, ways, seed=seed)).to_json()
    head = {
        "pairs": where,
        "embedder": embedder.model_id,
        "assumed": is_assumed,
        "n_vectors": embedder.n_encoded,
        "wall_s": round(time.perf_counter() - start, 1),
    }
    lines = [*report["ways"], {"coverage": report["coverage"]}, {"differences": report["differences"]}]  # type: ignore[misc]
    for line in lines:
        print(json.dumps({**head, **line}), flush=True)


if __name__ == "__main__":
    main()
