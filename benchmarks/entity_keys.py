"""How often an answer about one product is found again when another listing's words name it, by the key it is filed under.

    python benchmarks/entity_keys.py PAIRS [PAIRS ...] [--seed 0]

No model is asked: a writer names the product of each listing as models do, from that listing's own title, in one of four ways
chosen by the seed (brand and code as written; those without hyphens; the first six words; the whole title, lower case). For each gold match
the key of the left name is looked up among the key of the right name: reused. For each gold no_match likewise: wrongly reused.
``raw`` is the name in lower case, ``engine`` is ``epm.knowledge.entity.entity_key``. Gold labels are read for scoring only.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from epm.files.pairs import read_pairs
from epm.knowledge.entity import entity_key
from epm.listing import Listing
from epm.relation import Label

_CODE = re.compile(r"(?=\S*\d)(?=\S*[a-zA-Z])[\w-]{4,}")
KEYS: dict[str, Callable[[str], str]] = {"raw": lambda name: " ".join(name.casefold().split()), "engine": entity_key}


def named(listing: Listing, rng: random.Random) -> str:
    """What a model would call the product of a listing."""
    words = listing.title.split()
    maker = listing.brand or words[0]
    code = _CODE.search(listing.title)
    short = f"{maker} {code.group()}" if code else " ".join(words[:6])
    return rng.choice((short, short.replace("-", ""), " ".join(words[:6]), listing.title[:200])).lower()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", nargs="+", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for path in asked.pairs:
        rng, pairs = random.Random(asked.seed), read_pairs(path).pairs
        names = [(pair, named(pair.left, rng), named(pair.right, rng)) for pair in pairs]
        for way, key in KEYS.items():
            equal = [(pair, key(left) == key(right)) for pair, left, right in names]
            figures = {
                label.value: f"{sum(is_equal for pair, is_equal in equal if pair.gold_label is label)}/{sum(pair.gold_label is label for pair in pairs)}"
                for label in Label
            }
            print(
                json.dumps({"pairs": path.parent.name, "key": way, "reused": figures["match"], "wrongly": figures["no_match"]}), flush=True
            )


if __name__ == "__main__":
    main()
