"""What holds for all tables: candidates stay in the tables, within the budget, each once; exchanging the tables mirrors the scores."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from epm.blocking.blocker import BlockingPolicy, block
from epm.listing import Listing

WORDS = st.sampled_from(["kolvra", "kx-120", "KX 120", "drill", "18V", "lamp", "grün", "é", "!", "전기", "\u200b", "x"])
TITLES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join) | st.text(min_size=1, max_size=20)
TABLES = st.lists(TITLES, max_size=6).map(lambda titles: [Listing(f"l{i}", title) for i, title in enumerate(titles)])
EVERYTHING = BlockingPolicy(per_listing=100.0)


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
@given(TABLES, TABLES)
def test_exchanging_the_tables_mirrors_the_candidates_and_their_scores(left: list[Listing], right: list[Listing]) -> None:
    there = {(found.left, found.right): round(found.score, 4) for found in block(left, right, EVERYTHING).candidates}
    back = {(found.right, found.left): round(found.score, 4) for found in block(right, left, EVERYTHING).candidates}
    assert there.keys() == back.keys()
    assert all(abs(there[pair] - back[pair]) < 0.001 for pair in there)
