"""The order of ``select``'s candidates depends on what the offers say and on the seed, on nothing else."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from epm.agents.select import in_random_order
from epm.listing import Listing

TITLES = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=8, unique=True)
SEEDS = st.integers(0, 2**31)


@given(titles=TITLES, seed=SEEDS, turned=st.randoms(use_true_random=False))
def test_any_order_and_any_ids_give_the_same_order_of_the_same_offers(titles: list[str], seed: int, turned: random.Random) -> None:
    query, candidates = Listing("q", "kettle"), [Listing(f"c{i}", title) for i, title in enumerate(titles)]
    other = [replace(one, id=f"x{i}") for i, one in enumerate(turned.sample(candidates, len(candidates)))]
    ordered = [one.title for one in in_random_order(query, candidates, seed)]
    assert [one.title for one in in_random_order(replace(query, id="r"), other, seed)] == ordered
    assert sorted(ordered) == sorted(titles)
