from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from epm.sample import SamplePair, World, generate

N_PAIRS = 400


@cache
def _generated(world: World) -> tuple[SamplePair, ...]:
    return tuple(generate(world, N_PAIRS, seed=11))


@pytest.fixture
def sample_of() -> Callable[[World], tuple[SamplePair, ...]]:
    """400 pairs of a world, made once."""
    return _generated


@pytest.fixture
def all_pairs() -> tuple[SamplePair, ...]:
    """400 pairs of each world."""
    return tuple(pair for world in World for pair in _generated(world))
