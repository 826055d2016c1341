"""Our check-digit classes against python-stdnum, a test oracle of another hand, on the lengths of which both speak."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epm.evidence.gtins import check_digit, gtin_of_isbn10, gtin_of_upc_e, inner_item
from epm.evidence.identifiers import gtin_digits, gtin_trust, has_valid_check_digit

ean = pytest.importorskip("stdnum.ean", reason="python-stdnum>=2.1 stands in the dev extra")
isbn = pytest.importorskip("stdnum.isbn", reason="python-stdnum>=2.1 stands in the dev extra")
DIGITS = st.text("0123456789", max_size=16)
BODIES = st.sampled_from((7, 11, 12, 13)).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))


@settings(max_examples=500, deadline=None)
@given(st.one_of(DIGITS, BODIES.map(lambda body: body + check_digit(body))))
def test_a_number_is_valid_exactly_where_stdnum_says_so(digits: str) -> None:
    gtin = gtin_digits(digits)

    assert (gtin is not None and has_valid_check_digit(gtin)) is ean.is_valid(digits)


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_the_check_digit_is_that_of_stdnum(body: str) -> None:
    assert check_digit(body) == ean.calc_check_digit(body)


@settings(max_examples=300, deadline=None)
@given(BODIES.map(lambda body: body + check_digit(body)))
def test_every_grade_but_bad_and_placeholder_is_valid_for_stdnum(digits: str) -> None:
    gtin = gtin_digits(digits)

    assert gtin is not None
    assert gtin_trust(gtin) != "bad"
    if gtin_trust(gtin) != "placeholder":
        assert ean.is_valid(digits)


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789", min_size=9, max_size=9), st.sampled_from("0123456789X"))
def test_isbn_10_agrees_with_stdnum(body: str, check: str) -> None:
    gtin = gtin_of_isbn10(body + check)

    assert (gtin is not None) is isbn.is_valid(body + check)
    assert gtin is None or gtin[1:] == isbn.to_isbn13(body + check).replace("-", "")


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789", min_size=8, max_size=8))
def test_upc_e_and_inner_items_come_with_a_check_digit_that_stdnum_accepts(digits: str) -> None:
    expanded = gtin_of_upc_e(digits)
    assert expanded is None or ean.is_valid(expanded[2:])
    item = inner_item(f"1{digits}00000")
    assert item is not None
    assert ean.is_valid(item[1:])
