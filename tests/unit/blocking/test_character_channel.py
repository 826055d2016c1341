"""Titles are alike whatever their punctuation and spaces, and the channel answers the same from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from epm.blocking.lexical import CharacterChannel, plain_words, word_keys
from epm.listing import Listing

from .conftest import table

LEFT = table("Kolvra KX-120 kettle steel", "Norvik drill 18V", "garden lamp", "Norvik drill 12V")
RIGHT = table("kettle KX 120 by Kolvra", "lamp for gardens", "Norvik 18 V drill", "sofa", prefix="b")


def rows(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_punctuation_and_spaces_inside_a_code_do_not_hide_it() -> None:
    assert plain_words("kolvra kx-120/eu , steel") == "kolvra kx120eu steel"
    assert {"kx120", "kx", "120"} <= set(word_keys("kx-120 kettle")) & set(word_keys("kettle kx 120"))
    codes = CharacterChannel(table("KX-120"), table("KX 120", "KX120", "KY-990", prefix="b"))
    spaced, joined, other = codes.similarity(rows(0, 0, 0), rows(0, 1, 2))
    assert min(spaced, joined) > 0.25
    assert other < 0.1


def test_the_nearest_are_found_from_both_sides() -> None:
    links = CharacterChannel(LEFT, RIGHT).nearest(1)
    found = set(zip(links.left.tolist(), links.right.tolist(), strict=True))
    assert {(0, 0), (1, 2), (2, 1)} <= found
    assert (3, 2) in found  # the right row has a nearer one, the left row has not
    assert all(right != 3 for _, right in found)  # nothing in common is no link


def test_exchanging_the_tables_exchanges_the_answers() -> None:
    there, back = CharacterChannel(LEFT, RIGHT), CharacterChannel(RIGHT, LEFT)
    assert there.similarity(rows(0, 1, 2), rows(0, 2, 3)) == pytest.approx(back.similarity(rows(0, 2, 3), rows(0, 1, 2)), abs=1e-6)
    links, swapped = there.nearest(2), back.nearest(2)
    assert set(zip(links.left, links.right, strict=True)) == set(zip(swapped.right, swapped.left, strict=True))


def test_equal_titles_have_similarity_one_and_none_is_nearer() -> None:
    channel = CharacterChannel(LEFT, LEFT)
    everyone = rows(0, 1, 2, 3)
    assert channel.similarity(everyone, everyone) == pytest.approx(np.ones(4), abs=1e-5)
    assert [side.tolist() for side in channel.n_nearer(everyone, everyone)] == [[0] * 4, [0] * 4]


def test_how_many_are_nearer_is_counted_from_either_side() -> None:
    nearer_right, nearer_left = CharacterChannel(LEFT, RIGHT).n_nearer(rows(3, 1), rows(2, 2))
    assert (nearer_right.tolist(), nearer_left.tolist()) == ([0, 0], [1, 0])


@pytest.mark.parametrize("title", ["!!!", "—", "\u200b"])
def test_titles_without_a_letter_link_nothing(title: str) -> None:
    channel = CharacterChannel((Listing("a", title),), (Listing("b", title),))
    assert len(channel.nearest(5)) == 0
    assert channel.similarity(rows(0), rows(0)).tolist() == [0.0]
