"""What holds for all tables: candidates stay in the tables, within the budget, each once; exchanging the tables mirrors the scores."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from epm.blocking.blocker import BlockingPolicy, block
from epm.blocking.lexical import CharacterChannel
from epm.listing import Listing

WORDS = st.sampled_from(["kolvra", "kx-120", "KX 120", "drill", "18V", "lamp", "grün", "é", "!", "전기", "\u200b", "x"])
TITLES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join) | st.text(min_size=1, max_size=20)
TABLES = st.lists(TITLES, max_size=6).map(lambda titles: [Listing(f"l{i}", title) for i, title in enumerate(titles)])


@settings(max_examples=60)
@given(TABLES, TABLES, st.floats(0.1, 4.0))
def test_candidates_are_rows_of_the_tables_each_once_and_within_the_budget(left: list[Listing], right: list[Listing], share: float) -> None:
    blocked = block(left, right, BlockingPolicy(per_listing=share))
    pairs = [(found.left, found.right) for found in blocked.candidates]
    assert len(pairs) == len(set(pairs)) <= share * max(len(left), len(right)) + 1
    assert all(0 <= i < len(left) and 0 <= j < len(right) for i, j in pairs)
    assert all(found.score > 0 and found.channels and found.left_rank >= 1 for found in blocked.candidates)
    assert 0.0 <= blocked.reduction_ratio <= 1.0


@settings(max_examples=60)
@given(TABLES, TABLES, st.floats(0.1, 4.0))
def test_exchanging_the_tables_mirrors_the_candidates_their_scores_and_ranks(
    left: list[Listing], right: list[Listing], share: float
) -> None:
    policy = BlockingPolicy(per_listing=share, top_k=2)
    there = {(found.left, found.right): (found.score, found.left_rank, found.right_rank) for found in block(left, right, policy).candidates}
    back = {(found.right, found.left): (found.score, found.right_rank, found.left_rank) for found in block(right, left, policy).candidates}
    titles = [[listing.title for listing in table] for table in (left, right)]
    assert there == back or titles[0] == titles[1]  # tables that say the same have no order that ids could not change


@settings(max_examples=60)
@given(TABLES, TABLES)
def test_the_channel_itself_is_the_same_from_both_sides(left: list[Listing], right: list[Listing]) -> None:
    rows = np.array([(i, j) for i in range(len(left)) for j in range(len(right))], dtype=np.int64).reshape(-1, 2)
    there, back = CharacterChannel(left, right), CharacterChannel(right, left)
    assert np.allclose(there.similarity(rows[:, 0], rows[:, 1]), back.similarity(rows[:, 1], rows[:, 0]), atol=1e-5)
    everything = there.nearest(10), back.nearest(10)
    assert set(zip(everything[0].left, everything[0].right, strict=True)) == set(zip(everything[1].right, everything[1].left, strict=True))
