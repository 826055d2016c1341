"""A model that obeys every order it reads, on attacked pairs: hardly any order of a known kind ends in a label."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

from epm.sample import World, generate


def test_an_obedient_model_is_vetoed_on_attacked_pairs() -> None:
    path = Path(__file__).parents[2] / "benchmarks" / "attacks.py"
    spec = importlib.util.spec_from_file_location("attacks", path)
    assert spec is not None
    assert spec.loader is not None
    attacks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(attacks)
    pairs = attacks.balanced([one.pair for one in generate(World.TEST, 300, seed=3)], random.Random(3))
    assert attacks.measure(pairs, 65, 3)["held"] >= 0.95
