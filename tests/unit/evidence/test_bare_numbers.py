"""A digit run of a title that nobody calls a GTIN is graded ``bare``: by itself it proves nothing, and it refutes nothing."""

from __future__ import annotations

import pytest

from epm.evidence.compare import compare_parsed
from epm.evidence.engine import compare, read_listing, read_texts
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Verdict


def test_a_label_or_a_field_makes_a_number_trusted_and_a_bare_run_does_not() -> None:
    def grades(**texts: str) -> list[tuple[str, str]]:
        return [(value.key, value.trust) for value in read_texts(texts).of("gtin")]

    assert grades(title="Velta kettle EAN 4006381333931") == [("04006381333931", "valid")]
    assert grades(title="Velta kettle", gtin="4006381333931") == [("04006381333931", "valid")]
    assert grades(title="Velta kettle 4006381333931") == [("04006381333931", "bare")]
    assert grades(title="Velta kettle 4006381333932") == []
    assert grades(title="Velta kettle 2012345678903") == []
    assert grades(title="Velta kettle 4006381333931", gtin="036000291452") == [("00036000291452", "valid")]


def test_bare_numbers_refute_nothing() -> None:
    left, right = Listing("l", "Velta kettle 4006381333931"), Listing("r", "Velta kettle", gtin="036000291452")

    assert [atom.verdict for atom in compare(Pair("p", left, right)).atoms if atom.attribute == "gtin"] == [Verdict.UNKNOWN]


def test_a_bare_number_agrees_with_the_valid_one_of_a_field_and_refutes_none() -> None:
    field, bare, other = (
        read_listing(listing)
        for listing in (
            Listing("f", "Kolvra kettle", gtin="4006381333931"),
            Listing("b", "Kolvra kettle 4006381333931"),
            Listing("o", "Kolvra kettle 4012345678901"),
        )
    )
    for sides in ((field, bare), (bare, field)):
        assert compare_parsed(*sides).verdict("gtin") is Verdict.SAME
    for sides in ((field, other), (other, field)):
        assert compare_parsed(*sides).verdict("gtin") is Verdict.UNKNOWN


@pytest.mark.parametrize("isbn", ["0-306-40615-2", "978-0-306-40615-7", "0-8044-2957-X"])
def test_an_isbn_in_groups_agrees_with_its_number(isbn: str) -> None:
    gtin = {"0-8044-2957-X": "9780804429573"}.get(isbn, "9780306406157")
    evidence = compare(Pair("p", Listing("l", f"The Old Road {isbn}"), Listing("r", "The Old Road", gtin=gtin)))

    assert [(atom.rule, atom.verdict) for atom in evidence.atoms if atom.attribute == "gtin"] == [("gtin-equal", Verdict.SAME)]
    assert all(atom.attribute != "model" for atom in evidence.atoms)


@pytest.mark.parametrize("code", ["0-306-40615-3", "978-0-306-40615-3", "030-640-6152", "0-306-40615-2-7"])
def test_other_groups_of_digits_are_no_isbn(code: str) -> None:
    assert read_listing(Listing("l", f"The Old Road {code}")).of("gtin") == ()
