"""Passages are slices of the text, none too long, together all of it; they end where a sentence does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from epm.knowledge.documents.passages import passages

PARTS = st.lists(
    st.sampled_from(["Red.", " ", "\n\n", "\n", "It holds 1.7 litres. ", "w" * 45, "Really? ", "black kettle ", "\u3002"]), max_size=60
)


@given(PARTS, st.integers(20, 80), st.integers(0, 19))
def test_every_passage_is_a_slice_within_the_limit_and_no_word_is_lost(parts, limit, overlap) -> None:
    text = "".join(parts)
    cut = passages(text, limit_chars=limit, overlap_chars=overlap)
    assert all(0 < len(passage) <= limit and passage in text for passage in cut)
    at = 0
    for passage in cut:  # each begins at or before the end of the one before: what lies between is white space
        first_word = len(text) - len(text[at:].lstrip())
        start = text.rfind(passage, 0, first_word + len(passage))  # a sentence said twice stands in several places
        assert start >= 0
        at = max(at, start + len(passage))
    assert not text[at:].strip()


def test_a_passage_ends_with_a_sentence_and_the_next_begins_with_it_again() -> None:
    text = "It is black. It holds 1.7 l. It weighs 1 kg. It is loud."
    cut = passages(text, limit_chars=32, overlap_chars=16)
    assert cut == ["It is black. It holds 1.7 l.", "It holds 1.7 l. It weighs 1 kg.", "It weighs 1 kg. It is loud."]


def test_a_paragraph_that_fills_half_a_passage_ends_it() -> None:
    assert passages("The kettle is black.\n\nThe lid is red.", limit_chars=38, overlap_chars=0) == [
        "The kettle is black.",
        "The lid is red.",
    ]


def test_a_word_longer_than_a_passage_is_cut() -> None:
    assert passages("w" * 90, limit_chars=40, overlap_chars=10) == ["w" * 40, "w" * 40, "w" * 10]
