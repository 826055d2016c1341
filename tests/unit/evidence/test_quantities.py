from __future__ import annotations

from decimal import Decimal

import pytest

from epm.evidence.atoms import Value
from epm.evidence.engine import read_texts
from epm.evidence.quantities import is_equal_measure, parse_number


def read(title: str, attribute: str) -> tuple[Value, ...]:
    return read_texts({"title": title}).of(attribute)


@pytest.mark.parametrize(
    ("written", "amount"),
    [("1,5", "1.5"), ("1.5", "1.5"), ("1.000", "1000"), ("1,000", "1000"), ("0,750", "0.750"), ("1.234,5", "1234.5"), ("12", "12")],
)
def test_numbers_are_read_in_any_locale(written: str, amount: str) -> None:
    assert parse_number(written) == Decimal(amount)


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Kettle 1,7 l", "volume 1700"),
        ("Kettle 1.7L", "volume 1700"),
        ("Tea 250g", "mass 250"),
        ("Drive 2 TB", "storage 2000"),
        ("Drive 1024 GB", "storage 1000"),
        ("Akku 4000mAh", "charge 4000"),
        ("Disque 512 Go", "storage 512"),
    ],
)
def test_measures_are_read_into_their_base_unit(title: str, key: str) -> None:
    assert [value.key for value in read(title, "capacity")] == [key]


@pytest.mark.parametrize("title", ["Adapter 3-in-1", "Router 5G", "Lens f/2.8L", "Phone KX120", "from 2 to 4 people"])
def test_words_that_only_look_like_measures_are_left_alone(title: str) -> None:
    assert read(title, "capacity") == ()
    assert read(title, "size") == ()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("16 oz", "454 g", True),
        ("500 ml", "473 ml", False),
        ("500 ml", "0.5 l", True),
        ("12 fl oz", "355 ml", True),
        ("1 kg", "2.2 lb", True),
        ("64 GB", "128 GB", False),
        ("1 TB", "1000 GB", True),
    ],
)
def test_values_are_equal_as_far_as_they_are_written(left: str, right: str, expected: bool) -> None:
    (a,), (b,) = read(f"thing {left}", "capacity"), read(f"thing {right}", "capacity")

    assert is_equal_measure(a, b) is expected
    assert is_equal_measure(b, a) is expected


@pytest.mark.parametrize(
    ("title", "count"),
    [
        ("Water 24 x 330 ml", 24),
        ("Water 330ml (Pack of 24)", 24),
        ("Water 330 ml x 24", 24),
        ("Socks 6er Pack", 6),
        ("Socks 2er-Set", 2),
        ("Savon lot de 3", 3),
        ("Cola 2 packs of 12", 24),
        ("Calze confezione da 5", 5),
        ("Champú pack de 4", 4),
        ("Eggs dozen", 12),
        ("Soap twin pack", 2),
        ("3 x Soap", 3),
    ],
)
def test_pack_counts_are_inner_times_outer(title: str, count: int) -> None:
    assert max(value.amount or 0 for value in read(title, "pack")) == count


@pytest.mark.parametrize("title", ["Camera 10x zoom", "Speaker lcs-mx100", "Lens 18-55mm", "Memory 16GB (2x8GB)", "Bike 29er"])
def test_counts_that_are_no_packs_are_left_alone(title: str) -> None:
    assert read(title, "pack") == ()
