from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from epm.evidence.attributes import ATTRIBUTES, read_attributes

PIECES = st.sampled_from(
    [
        *(
            "1",
            "x",
            "2",
            '"',
            "1/2",
            "5/0",
            "-",
            "w",
            "h",
            "Pack",
            "of",
            "/",
            "Box",
            "per",
            "3 1/4",
            "UPC:",
            "012345678905",
            "COLOR:",
            "Black",
        ),
        *("Navy", "by", "Avery", "|", " - ", "KX-120", "GB", "500", "capacity", "½", "×", "″", "ﬁ", "İ", "ß", "１２", "٣", ".", ".5", '"W'),
        *(
            "long",
            "Sheet",
            "\u200b",
            "e\u0301",
            "(",
            "HP",
            "1,000",
            "'",
            "ft",
            "yds",
            "Part#",
            "Light",
            "gray",
            "12oz",
            "Company",
            "a",
            "A",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map(" ".join), st.lists(PIECES, max_size=25).map("".join))


@settings(deadline=None, max_examples=300)
@given(TEXTS, TEXTS, TEXTS)
def test_every_value_is_a_verbatim_span_and_nothing_raises(title: str, description: str, width: str) -> None:
    texts = {"title": title, "description": description, "attributes.Width": width}

    for attribute, values in read_attributes(texts).items():
        assert attribute in ATTRIBUTES
        for value in values:
            assert value.attribute == attribute
            assert value.span.quote
            assert texts[value.span.field][value.span.start : value.span.end] == value.span.quote
            assert value.amount is None or value.amount >= 0


@settings(deadline=None, max_examples=50)
@given(TEXTS, TEXTS)
def test_reading_twice_reads_the_same(title: str, description: str) -> None:
    texts = {"title": title, "description": description}

    assert read_attributes(texts) == read_attributes(texts)
