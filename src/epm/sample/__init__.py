"""A seeded generator of invented listings and pairs with known truth, in three worlds that share no brand and no template.

    from epm.sample import World, generate
    pairs = generate(World.PRETRAIN, 1000, seed=7)

It is the ground truth for everything else, so it shares no code and no word list with the evidence engine.
"""

from __future__ import annotations

from epm.sample.generator import SamplePair, generate
from epm.sample.world import World

__all__ = ["SamplePair", "World", "generate"]
