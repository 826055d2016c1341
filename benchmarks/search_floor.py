"""How near what belongs together is, and what does not: the similarities from which the floor of a search is read.

    python benchmarks/search_floor.py DATA [--n 1500] [--seed 0]

DATA holds ``abt-buy/valid``, ``wdc-products-80cc/valid_small`` and ``wdc-pave/raw_train``. Titles: a listing beside the other one of a gold
match, and beside a random listing of the other side. Documents: a title beside the passages of its own description, and of a random other's.
For each embedder and floor: the share of true hits that are lost and of random ones that still pass. Labels are read for nothing else.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from pathlib import Path

import numpy as np

from epm.files.pairs import read_pairs
from epm.knowledge.catalogue import listing_text
from epm.knowledge.documents.passages import passages
from epm.knowledge.embedder import make_embedder
from epm.relation import Label

FLOORS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)


def titles(path: Path, n: int, rng: random.Random) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    pairs = read_pairs(path).pairs
    own = [(listing_text(pair.left), listing_text(pair.right)) for pair in pairs if pair.gold_label is Label.MATCH][:n]
    rights = [listing_text(pair.right) for pair in pairs]
    return own, [(left, rng.choice(rights)) for left, _ in own]


def documents(path: Path, n: int, rng: random.Random) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row.get("description")]
    rng.shuffle(rows)
    cut = [(row["title"], passages(row["description"])[0]) for row in rows[:n]]
    return cut, [(title, rng.choice(cut)[1]) for title, _ in cut]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--n", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    sources = {name: titles(asked.data / f"{name}.jsonl.gz", asked.n, rng) for name in ("abt-buy/valid", "wdc-products-80cc/valid_small")}
    sources["wdc-pave documents"] = documents(asked.data / "wdc-pave" / "raw_train.jsonl.gz", asked.n, rng)
    for embedder_name in ("hash", "minilm"):
        embedder = make_embedder(embedder_name)
        for source, (own, other) in sources.items():
            near, far = (
                np.sum(embedder.encode([a for a, _ in rows]) * embedder.encode([b for _, b in rows]), axis=1) for rows in (own, other)
            )
            shares = {floor: (round(float((near < floor).mean()), 4), round(float((far >= floor).mean()), 4)) for floor in FLOORS}
            print(json.dumps({"embedder": embedder_name, "pairs": source, "n": len(own), "lost, passed by floor": shares}), flush=True)


if __name__ == "__main__":
    main()
