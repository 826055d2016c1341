"""Which open attributes decide a pair, and how a set of questions covers them (after RLQR)."""

from __future__ import annotations

import pytest

from epm.evidence.decisive import attribute_name, decisive_attributes, question_coverage
from epm.identity import FAMILY, STRICT

BLACK = {"title": "Kolvra KX-120 kettle 1.7 l black"}
PLAIN = {"title": "Kolvra KX-120 kettle 1.7 l"}


def test_a_colour_that_one_side_leaves_out_decides_under_strict_and_not_under_family() -> None:
    assert decisive_attributes(BLACK, PLAIN, STRICT) == ("colour",)
    assert decisive_attributes(BLACK, PLAIN, FAMILY) == ()


def test_what_both_texts_state_is_not_open_whether_they_agree_or_not() -> None:
    assert decisive_attributes(BLACK, BLACK) == ()
    assert "capacity" not in decisive_attributes(BLACK, PLAIN)
    assert "colour" not in decisive_attributes(BLACK, {"title": "Kolvra KX-120 kettle white"})


def test_a_part_number_that_the_other_title_writes_is_not_open() -> None:
    assert "mpn" in decisive_attributes({**PLAIN, "mpn": "KX-120-EU7"}, PLAIN)
    assert decisive_attributes({**PLAIN, "mpn": "KX-120"}, PLAIN) == ()


def test_nothing_decides_a_pair_that_the_texts_settle() -> None:
    assert decisive_attributes(BLACK, {"title": "Kolvra KX-220 kettle 1.7 l"}) == ()
    assert decisive_attributes(BLACK, {"title": "Bosch cordless drill"}) == ()


@pytest.mark.parametrize("addition", ["Pack of 6", "refurbished"])
def test_what_belongs_to_one_offer_is_never_open(addition: str) -> None:
    assert decisive_attributes({"title": f"{PLAIN['title']} {addition}"}, PLAIN) == ()


def test_coverage_counts_decisive_attributes_once_and_questions_about_others_as_idle() -> None:
    found = question_coverage(("colour", "capacity"), ["Farbe", "colour", "price", "brand"])
    assert (found.asked, found.n_questions, found.n_idle) == (("colour",), 4, 2)


@pytest.mark.parametrize(("name", "known"), [("Color", "colour"), ("storage", "capacity"), ("MPN", "mpn"), ("Sea  Level", "sea level")])
def test_an_attribute_is_known_by_its_other_names(name: str, known: str) -> None:
    assert attribute_name(name) == known
