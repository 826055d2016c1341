"""What an encoder reads of a listing: everything that is said of it, and nothing that gives the answer away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epm.distill.encoder_network import text_pairs
from epm.distill.encoder_text import MAX_CHARS, encoder_text
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label, Relation

FULL = Listing(
    "l1", "Kolvra KX-120\n kettle", brand="Vestano", description="black, 1.7 l", price="19,90", currency="EUR", gtin="4006381333931",
    mpn="KX-120/B", category="kitchen", attributes={"colour": "black"}, cluster_id="c1", source="shop", extras={"rank": 3},
)  # fmt: skip


def test_the_line_of_a_full_listing_says_what_decides_first() -> None:
    assert encoder_text(FULL) == (
        "Kolvra KX-120 kettle | brand: Vestano | mpn: KX-120/B | gtin: 4006381333931 | price: 19,90 EUR | category: kitchen | colour: black "
        "| description: black, 1.7 l"
    )


def test_what_is_missing_says_nothing() -> None:
    assert encoder_text(Listing("l1", "Kettle")) == "Kettle"


def test_a_brand_that_the_title_names_is_not_repeated() -> None:
    assert encoder_text(replace(FULL, brand="KOLVRA")).startswith("Kolvra KX-120 kettle | mpn")


@pytest.mark.parametrize(
    "bookkeeping", [{"id": "other"}, {"cluster_id": "c2"}, {"cluster_id": None}, {"source": "elsewhere"}, {"extras": {"label": 1}}]
)
def test_bookkeeping_of_a_listing_never_stands_in_the_text(bookkeeping: dict[str, object]) -> None:
    assert encoder_text(replace(FULL, **bookkeeping)) == encoder_text(FULL)


def test_the_label_of_a_pair_never_stands_in_its_texts() -> None:
    pair = Pair("p1", FULL, Listing("r1", "Kettle"))
    marked = replace(pair, id="p2", gold_label=Label.MATCH, relation=Relation.EXACT, factor=2, split="test", extras={"label": 1})
    assert text_pairs([marked]) == text_pairs([pair]) == [(encoder_text(pair.left), encoder_text(pair.right))]


def test_a_title_of_two_megabytes_is_cut() -> None:
    assert len(encoder_text(Listing("l1", "kettle " * 300_000, description="x" * 2_000_000))) <= MAX_CHARS
