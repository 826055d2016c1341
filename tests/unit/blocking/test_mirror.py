"""Exchanging the tables exchanges the answer, also where scores tie at the cut."""

from __future__ import annotations

import numpy as np
import pytest

from epm.blocking.blocker import Blocked, BlockingPolicy, block
from epm.blocking.lexical import CharacterChannel
from epm.blocking.mirror import MirroredChannel, is_mirrored
from epm.blocking.recall import measure_recall
from epm.listing import Listing

from .conftest import table

WORDS = table("lamp", "kettle", "drill", "sofa")
SAME_WORDS = table("drill", "sofa", "lamp", "kettle", prefix="b")
GTIN = "4006381333931"


def answers(blocked: Blocked) -> set[tuple[int, int, float, int, int, tuple[str, ...]]]:
    return {(c.left, c.right, c.score, c.left_rank, c.right_rank, c.channels) for c in blocked.candidates}


def exchanged(blocked: Blocked) -> set[tuple[int, int, float, int, int, tuple[str, ...]]]:
    return {(c.right, c.left, c.score, c.right_rank, c.left_rank, c.channels) for c in blocked.candidates}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0, 3.5])
def test_scores_that_tie_at_the_cut_keep_the_same_pairs_from_either_side(share: float) -> None:
    policy = BlockingPolicy(per_listing=share)
    there, back = block(WORDS, SAME_WORDS, policy), block(SAME_WORDS, WORDS, policy)
    assert len(there.candidates) == 4 * min(share, 1.0)
    assert answers(there) == exchanged(back)


def test_more_equal_titles_than_a_channel_may_find_are_the_same_from_either_side() -> None:
    left = tuple(Listing(f"a{i}", "green lamp", price=str(i)) for i in range(9))
    right = tuple(Listing(f"b{i}", "lamp green", price=str(90 - i)) for i in range(7))
    policy = BlockingPolicy(top_k=2, per_listing=1.0)
    assert answers(block(left, right, policy)) == exchanged(block(right, left, policy))


def test_the_order_of_search_depends_on_what_listings_say_and_not_on_which_table_is_named_first() -> None:
    renamed = table("lamp", "kettle", "drill", "sofa", prefix="z")
    assert is_mirrored(WORDS, SAME_WORDS) is not is_mirrored(SAME_WORDS, WORDS)
    assert is_mirrored(renamed, SAME_WORDS) is is_mirrored(WORDS, SAME_WORDS)
    assert not is_mirrored(WORDS, renamed)
    assert is_mirrored(WORDS, SAME_WORDS[:3])
    assert not is_mirrored((), WORDS)


def test_what_is_said_about_lost_matches_and_channels_is_exchanged_too() -> None:
    left = (Listing("a", "Etui rouge", gtin=GTIN), *table("Norvik drill 18V", "Norvik drill 12V", "wooden chair"))
    right = (*table("Norvik drill 18 V red", "silver spoon"), Listing("b", "Red sleeve", gtin=GTIN))
    policy = BlockingPolicy(top_k=1, per_listing=0.3)
    there, back = block(left, right, policy), block(right, left, policy)
    gold = [(0, 2), (1, 0), (2, 0), (3, 1)]
    lost = measure_recall(there, gold).lost
    lost_back = measure_recall(back, [(j, i) for i, j in gold]).lost
    assert len(lost) >= 2
    assert {(m.left, m.right, m.reason, m.channels, m.n_nearer_right, m.n_nearer_left) for m in lost} == {
        (m.right, m.left, m.reason, m.channels, m.n_nearer_left, m.n_nearer_right) for m in lost_back
    }
    for (name, links), (name_back, links_back) in zip(there.links, back.links, strict=True):
        assert name == name_back
        assert set(zip(links.left, links.right, strict=True)) == set(zip(links_back.right, links_back.left, strict=True))


def test_a_mirrored_channel_answers_about_exchanged_tables() -> None:
    left, right = table("Norvik drill 18V", "Norvik drill 12V"), table("Norvik drill 18 V", "lamp", "Norvik 18V", prefix="b")
    straight, mirrored = CharacterChannel(left, right), MirroredChannel(CharacterChannel(right, left))
    one, other = np.array([1, 0]), np.array([0, 2])
    assert mirrored.name == "characters"
    assert mirrored.similarity(one, other) == pytest.approx(straight.similarity(one, other), abs=1e-6)
    assert [side.tolist() for side in mirrored.n_nearer(one, other)] == [side.tolist() for side in straight.n_nearer(one, other)]
    links, expected = mirrored.nearest(1), straight.nearest(1)
    assert (links.left.tolist(), links.right.tolist()) == (expected.left.tolist(), expected.right.tolist())
