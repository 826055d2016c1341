from __future__ import annotations

import pytest

from epm.evidence.identifiers import gtin_digits, gtin_trust, has_valid_check_digit, is_contained, is_same_stem, is_sibling


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
