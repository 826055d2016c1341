"""What reading one listing promises for every text, and a short run of benchmarks/fuzz.py."""

from __future__ import annotations

from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from epm.evidence.atoms import Value
from epm.evidence.normalise import MAX_CHARS, fold, tokens
from epm.evidence.parsed import parse_texts
from epm.evidence.quantities import is_equal_measure, parse_number, units

PIECES = st.sampled_from(
    ["Velta", "KX-120", "2 x 6er Pack", "24 x 330 ml", "½", "1½ l", "1/2 in", "5'6\"", "1lb 8oz", "1 000 g", "GrÃ¼n", "&amp;", "&nbsp;", "â€“", "호환", "Z9용", "3개입",
     "für", "with", "UK plug", "QWERTZ", "$19.99", "<b>", "\u200b", "İ", "ß", "ﷺ", "4006381333931", "EAN 4006381333931", "neu", "[Sale]", "\ud83d", "x", "1,5", "12 oz (340 g)"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=10).map(" ".join), st.lists(PIECES, max_size=6).map("".join), st.text(max_size=60))
AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(99999), places=2)
KINDS = ("mass", "volume", "length", "storage")
UNITS = st.sampled_from(
    sorted(form for form, (kind, _) in units().items() if kind in KINDS and form.isalpha() and form not in {"in", "to", "a"})
)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_every_value_is_quoted_from_its_place(text: str) -> None:
    shown = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    for values in parse_texts({"title": text, "description": text}).values.values():
        for value in values:
            assert value.span.quote
            assert shown[value.span.start : value.span.end] == value.span.quote


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_the_place_of_a_word_reads_as_that_word(text: str) -> None:
    folded = fold("title", text)
    places = [folded.place(token.start, token.end) for token in tokens(folded)]

    assert places == sorted(places)
    assert all(0 <= start < end <= min(len(text), MAX_CHARS) for start, end in places)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_reading_twice_gives_the_same_and_quotes_read_as_themselves(text: str) -> None:
    once, again = parse_texts({"title": text}), parse_texts({"title": text})

    assert once == again
    for value in once.of("capacity"):
        assert value.key in {found.key for found in parse_texts({"title": value.span.quote}).of("capacity")}


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, UNITS)
def test_an_exact_amount_in_any_unit_comes_back_exactly(amount: Decimal, unit: str) -> None:
    written = format(amount, "f")
    dimension, factor = units()[unit]
    found = [
        value
        for values in parse_texts({"title": f"Velta {written} {unit}"}).values.values()
        for value in values
        if value.dimension == dimension
    ]

    assert [value.amount for value in found] == [Decimal(written) * factor]


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from(",.'"), st.sampled_from(",."))
def test_a_number_is_the_same_in_every_locale(thousands: int, rest: int, separator: str, decimal: str) -> None:
    expected = Decimal(f"{thousands}{rest:03d}.25")

    assert parse_number(f"{thousands}{rest:03d}{decimal}25") == expected
    if separator not in {decimal, "'"}:
        assert parse_number(f"{thousands}{separator}{rest:03d}{decimal}25") == expected


@settings(max_examples=300, deadline=None)
@given(AMOUNTS, AMOUNTS, UNITS, UNITS)
def test_equality_of_amounts_knows_no_order_and_holds_for_itself(left: Decimal, right: Decimal, unit: str, other: str) -> None:
    def read(amount: Decimal, name: str) -> Value | None:
        found = parse_texts({"title": f"Velta {format(amount, 'f')} {name}"})
        return next((v for v in (*found.of("capacity"), *found.of("size")) if v.rule.startswith("measure")), None)

    a, b = read(left, unit), read(right, other)
    assert a is not None
    assert b is not None
    assert is_equal_measure(a, b) is is_equal_measure(b, a)
    assert is_equal_measure(a, a)


def test_a_short_run_of_the_fuzzer_finds_nothing() -> None:
    spec = spec_from_file_location("fuzz", Path(__file__).parents[2] / "benchmarks" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    assert dict(module.fuzz(2000)) == {}
