from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import compare, read_listing
from epm.evidence.gtins import check_digit, inner_item
from epm.evidence.identifiers import (
    gtin_digits,
    gtin_trust,
    has_valid_check_digit,
    is_coloured,
    is_contained,
    is_same_stem,
    is_sibling,
    suffix_conflict,
)
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Relation

MakePair = Callable[..., Pair]


@pytest.mark.parametrize(
    ("written", "trust"),
    [
        ("4006381333931", "valid"),
        ("036000291452", "valid"),
        ("96385074", "valid"),
        ("978-0-306-40615-7", "valid"),
        ("4006381333932", "bad"),
        ("1234567890128", "placeholder"),
        ("0000000000000", "placeholder"),
        ("2012345678903", "restricted"),
    ],
)
def test_each_gtin_has_its_trust_grade(written: str, trust: str) -> None:
    digits = gtin_digits(written)

    assert digits is not None
    assert gtin_trust(digits) == trust


def test_twelve_thirteen_and_fourteen_digits_of_one_product_are_one_key() -> None:
    assert gtin_digits("036000291452") == gtin_digits("0036000291452") == gtin_digits("00036000291452")


def test_a_number_of_another_length_is_no_gtin() -> None:
    assert gtin_digits("12345") is None
    assert gtin_digits("1.23E+12") is None


def test_every_single_wrong_digit_breaks_the_check_digit() -> None:
    right = "04006381333931"
    wrong = [right[:i] + str((int(right[i]) + 1) % 10) + right[i + 1 :] for i in range(14)]

    assert has_valid_check_digit(right)
    assert not any(has_valid_check_digit(text) for text in wrong)


def test_a_code_is_contained_when_only_a_prefix_or_suffix_is_missing() -> None:
    assert is_contained("97185", "ver97185")
    assert is_contained("dgs1008p", "1008p")
    assert is_contained("pn42a450", "pn42a450p")
    assert not is_contained("1008", "21008")
    assert not is_contained("kx120", "kx1200")
    assert not is_contained("kx120", "kx120f")


def test_numbers_of_one_series_are_siblings_and_colour_suffixes_are_not() -> None:
    assert is_sibling("kx120", "kx130")
    assert is_same_stem("kx120bk", "kx120wh")
    assert not is_sibling("kx120bk", "kx120wh")
    assert not is_sibling("pg40bk", "0615b002")


@pytest.mark.parametrize(
    ("written", "gtin"),
    [
        ("0-306-40615-2", "09780306406157"),
        ("0-8044-2957-X", "09780804429573"),
        ("04252614", "00042100005264"),
        ("96385074", "00000096385074"),
    ],
)
def test_older_forms_stand_for_their_gtin(written: str, gtin: str) -> None:
    (value,) = read_listing(Listing("x", "Velta", gtin=written)).of("gtin")

    assert (value.key, value.trust) == (gtin, "valid")
    assert value.span.quote == written


def test_a_wrong_isbn10_is_no_gtin_that_can_be_trusted() -> None:
    (value,) = read_listing(Listing("x", "Velta", gtin="0-306-40615-3")).of("gtin")

    assert value.trust == "bad"


def test_coupon_and_in_store_numbers_refute_and_prove_nothing() -> None:
    assert gtin_trust("0" + "98" + "0000123456" + check_digit("0980000123456")) == "coupon"
    assert gtin_trust("0" + "20" + "1234500017" + check_digit("0201234500017")) == "restricted"


def test_the_item_inside_a_case_has_the_same_digits_and_its_own_check_digit() -> None:
    case = "1" + "400638133393"
    case += check_digit(case)

    assert inner_item(case) == "04006381333931"
    assert inner_item("04006381333931") is None


def test_a_case_against_its_item_is_never_exact_and_never_another_product(make_pair: MakePair) -> None:
    case = "1400638133393" + check_digit("1400638133393")
    title = "Velta KX-120 water 330 ml"

    def relation(left: str, right: str) -> Relation:
        return compare(make_pair({"title": left, "gtin": case}, {"title": right, "gtin": "4006381333931"})).relation

    assert relation(title, title) is Relation.UNDECIDABLE
    assert relation(f"{title} 24 pack", title) is Relation.OTHER_PACK


def test_the_item_reference_of_a_upc_is_the_makers_number() -> None:
    assert is_contained("29145", "036000291452")
    assert not is_contained("29146", "036000291452")


def test_letters_at_the_end_of_a_code_are_a_colour_only_where_that_colour_is_stated() -> None:
    assert is_coloured("kx370", "kx370s", frozenset({"silver"}))
    assert not is_coloured("kx370", "kx370s", frozenset({"black"}))
    assert suffix_conflict("kxlm820w", "kxlm820l") == "colour"
    assert suffix_conflict("kx1200eu", "kx1200us") == "region"
    assert suffix_conflict("kxlm820wh", "kxlm820w") is None
