"""Only identifiers that can be trusted link, and the rarer one links more strongly."""

from __future__ import annotations

import pytest

from epm.blocking.identifier_channel import IdentifierChannel, IdentifierState, identifier_keys, identifier_state
from epm.listing import Listing

VALID, BAD, PLACEHOLDER = "4006381333931", "4006381333932", "0000000000000"


def links(left: list[Listing], right: list[Listing]) -> dict[tuple[int, int], float]:
    found = IdentifierChannel(left, right).links()
    return dict(zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.similarity.tolist(), strict=True))


@pytest.mark.parametrize(("gtin", "is_linked"), [(VALID, True), (f"0{VALID}", True), (BAD, False), (PLACEHOLDER, False)])
def test_a_gtin_links_only_with_a_valid_check_digit(gtin: str, is_linked: bool) -> None:
    found = links([Listing("a", "pen", gtin=gtin)], [Listing("x", "sofa", gtin="1234"), Listing("b", "stylo", gtin=VALID)])
    assert found == ({(0, 1): 1.0} if is_linked else {})


def test_a_code_of_the_title_meets_a_part_number() -> None:
    assert links([Listing("a", "Kolvra kettle KX-1205")], [Listing("b", "kettle", mpn="KX1205")]) == {(0, 0): 1.0}


def test_an_identifier_of_many_listings_counts_less_and_one_of_very_many_nothing() -> None:
    shared = [Listing(f"b{i}", "kettle", mpn="KX1205") for i in range(401)]
    assert links(shared[:1], shared[:4]) == {(0, i): 0.5 for i in range(4)}
    assert links(shared[:1], shared) == {}


def test_a_code_in_a_description_names_another_product_and_is_left_out() -> None:
    assert identifier_keys(Listing("a", "cover", description="fits Kolvra KX-1205, EAN " + VALID)) == frozenset()


def test_the_state_of_two_listings() -> None:
    a, b, c = Listing("a", "pen", gtin=VALID), Listing("b", "pen", mpn="QW5521"), Listing("c", "pen")
    assert identifier_state(a, a) is IdentifierState.SHARED
    assert identifier_state(a, b) is IdentifierState.NONE_SHARED
    assert identifier_state(a, c) is IdentifierState.MISSING
