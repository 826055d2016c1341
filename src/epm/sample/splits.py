"""The sample as files: train, reinforce and valid of one world, test of another, and a card that says what is in them.

``reinforce`` is for GRPO: pairs that the student's SFT never saw, so that a probe drawn from them is not a memory test.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from epm.config import __version__
from epm.errors import ConfigError
from epm.files.atomic import write_text
from epm.files.pairs import write_pairs
from epm.pair import Pair
from epm.sample.generator import generate_split
from epm.sample.world import World

CARD_NAME = "sample.json"
WORLD_OF_SPLIT = {"train": World.TRAIN, "reinforce": World.TRAIN, "valid": World.TRAIN, "test": World.TEST}


def write_sample(out: Path, *, seed: int, sizes: Mapping[str, int]) -> dict[str, object]:
    """Write a ``SPLIT.jsonl.gz`` for each split in ``sizes``, with ``sample.json``, into a folder, and return that card.

    No product occurs in two splits; test shares no brand and no template with the others.

    Raises:
        ConfigError: a split is unknown or is to have less than one pair.
        DataError: the folder cannot be written.
    """
    for split, n_pairs in sizes.items():
        if split not in WORLD_OF_SPLIT:
            raise ConfigError(f"split {split!r} is unknown: use {', '.join(WORLD_OF_SPLIT)}")
        if n_pairs < 1:
            raise ConfigError(f"split {split!r} is to have {n_pairs} pairs, but must have 1 or more")
    taken: set[str] = set()
    files: dict[str, object] = {}
    for split, n_pairs in sizes.items():
        sampled = generate_split(WORLD_OF_SPLIT[split], n_pairs, seed=seed, name=split, taken=taken)
        pairs = [replace(sample.pair, split=split) for sample in sampled]
        path = out / f"{split}.jsonl.gz"
        write_pairs(path, pairs)
        files[path.name] = {"sha256": sha256(path.read_bytes()).hexdigest(), "world": WORLD_OF_SPLIT[split].value, **_describe(pairs)}
    card: dict[str, object] = {"schema_version": 1, "epm_version": __version__, "seed": seed, "files": files}
    write_text(out / CARD_NAME, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    return card


def _describe(pairs: list[Pair]) -> dict[str, object]:
    products = {listing.product_id() for pair in pairs for listing in (pair.left, pair.right)}
    return {
        "n_pairs": len(pairs),
        "n_products": len(products),
        "labels": _counts(pair.gold_label.value if pair.gold_label else "undecided" for pair in pairs),
        "relations": _counts(str(pair.relation) for pair in pairs),
        "categories": _counts(str(pair.left.category) for pair in pairs),
    }


def _counts(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))
