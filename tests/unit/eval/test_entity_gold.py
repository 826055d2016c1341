"""Whether two listings are one product, by gold alone."""

from __future__ import annotations

from epm.eval.entity_gold import EntityGold
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

A, B, C, D = (Listing(name, f"Kolvra {name}") for name in "abcd")
GOLD = EntityGold([Pair("1", A, B, gold_label=Label.MATCH), Pair("2", B, C, gold_label=Label.NO_MATCH)])


def test_matches_join_and_a_no_match_parts_whole_products() -> None:
    assert GOLD.is_same(A, B) is True
    assert GOLD.is_same(A, C) is False  # A is B, and B is not C
    assert GOLD.is_same(A, Listing("other-id", "Kolvra a")) is True


def test_gold_is_silent_about_products_that_no_label_compares() -> None:
    assert GOLD.is_same(A, D) is None
    assert GOLD.is_any_same([A], [D, C]) is None
    assert GOLD.is_any_same([A], [D, B]) is True


def test_cluster_ids_go_before_labels_where_both_sides_have_one() -> None:
    one, two = Listing("x", "Kolvra a", cluster_id="1"), Listing("y", "Kolvra b", cluster_id="2")
    assert GOLD.is_same(one, two) is False
    assert GOLD.is_same(one, Listing("z", "anything", cluster_id="1")) is True
    assert GOLD.is_same(one, B) is True
