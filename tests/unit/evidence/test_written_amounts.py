"""Amounts and packs as shops write them: thousands, fractions, two units, and packs of packs."""

from __future__ import annotations

from itertools import product

import pytest

from epm.evidence.atoms import Value
from epm.evidence.engine import compare, read_texts
from epm.evidence.quantities import is_equal_measure
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Relation


def read(text: str, attribute: str = "capacity") -> tuple[Value, ...]:
    return read_texts({"title": f"Velta {text}"}).of(attribute)


@pytest.mark.parametrize(
    ("written", "key", "attribute"),
    [
        ("1 000 g", "mass 1000", "capacity"),
        ("12’000 mAh", "charge 12000", "capacity"),
        ("012'000 mAh", "charge 12000", "capacity"),
        ("1.234,56 g", "mass 1234.56", "capacity"),
        ("½ l", "volume 500", "capacity"),
        ("1½ l", "volume 1500", "capacity"),
        ("1 ½ l", "volume 1500", "capacity"),
        ("1 1/2 l", "volume 1500", "capacity"),
        ("¾ kg", "mass 750", "capacity"),
        ("1/2 inch", "length 12.7", "size"),
        ("5'6\"", "length 1676.4", "size"),
        ("6 ft 2 in", "length 1879.6", "size"),
        ("1 lb 8 oz", "mass 680.388555", "capacity"),
        ("500 mcg", "mass 0.0005", "capacity"),
        ("500 µg", "mass 0.0005", "capacity"),
        ("１．７Ｌ", "volume 1700", "capacity"),
        ("2 m²", "area 2", "size"),
        ("55″", "length 1397", "size"),
    ],
)
def test_an_amount_is_read_exactly_however_it_is_written(written: str, key: str, attribute: str) -> None:
    assert [value.key for value in read(written, attribute)] == [key]


@pytest.mark.parametrize("title", ["KX 2 500 ml", "model 14 128 GB"])
def test_two_numbers_in_a_row_are_no_thousands(title: str) -> None:
    assert [value.key for value in read(title)] in (["volume 500"], ["storage 128"])


@pytest.mark.parametrize(
    ("left", "right", "is_equal"),
    [
        ("16 oz", "454 g", True),
        ("3.4 fl oz", "100 ml", True),
        ("3.5 oz", "100 g", True),
        ("8 fl oz", "240 ml", True),
        ("1,000 g", "1 kg", True),
        ("1/2 lb", "227 g", True),
        ("500 ml", "473 ml", False),
        ("16 fl oz", "500 ml", False),
        ("12 oz", "330 g", False),
        ("1 l", "990 ml", False),
        ("2 lb", "1 kg", False),
        ("1 TB", "1000 GB", True),
        ("500 GB", "512 GB", False),
        ("0.5 TB", "512 GB", False),
        ("1 TB", "960 GB", False),
    ],
)
def test_amounts_are_equal_as_far_as_they_are_written(left: str, right: str, is_equal: bool) -> None:
    (a,), (b,) = read(left), read(right)

    assert is_equal_measure(a, b) is is_equal_measure(b, a) is is_equal


@pytest.mark.parametrize(
    ("left", "right"),
    [("sauce 12 oz (340 g)", "sauce 340 g"), ("sauce 12 oz (340 g)", "sauce 12 oz"), ("drink 8.5 fl oz / 251 ml", "drink 251ml")],
)
def test_two_units_of_one_amount_agree_with_either(left: str, right: str) -> None:
    pair = Pair("p", Listing("l", f"Velta {left}"), Listing("r", f"Velta {right}"))

    assert compare(pair).relation is Relation.EXACT


@pytest.mark.parametrize(
    ("title", "count"),
    [
        ("water 2 x 12 x 330 ml", "24"),
        ("water 4x6x330ml", "24"),
        ("soap 2 x 6er Pack", "12"),
        ("crisps 3 packs of 4", "12"),
        ("wipes 10 x 72 pcs", "720"),
        ("cups 1,000 pcs", "1000"),
        ("eggs per dozen", "12"),
        ("juice 12 cans 330 ml", "12"),
        ("water 330ml (Pack of 24)", "24"),
        ("water 24 x 330 ml", "24"),
        ("savon lot de 2 x 6 pièces", "12"),
    ],
)
def test_packs_of_packs_are_multiplied(title: str, count: str) -> None:
    assert [value.key for value in read(title, "pack")] == [count]


@pytest.mark.parametrize("title", ["tray 30 x 20 box", "savon lot de 2 x 500 ml", "TV 1920 x 1080 pixel", "paper 600 x 400 pack of 2"])
def test_a_size_is_no_pack_of_packs(title: str) -> None:
    assert [value.key for value in read(title, "pack")] in ([], ["2"])


def test_all_spellings_of_one_case_of_drinks_are_one_pack() -> None:
    titles = (
        "Velta cola 24 x 330 ml",
        "Velta cola 330ml (Pack of 24)",
        "Velta cola 24er Pack 330 ml",
        "Velta cola 24 cans 330 ml",
        "Velta cola 2 x 12 x 33 cl",
    )

    for left, right in product(titles, titles):
        assert compare(Pair("p", Listing("l", left), Listing("r", right))).relation is Relation.EXACT


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("Tisch Zorin 120 x 60 cm weiß", "Tisch Zorin 60x120cm weiss", Relation.EXACT),
        ("Regal Zorin 80x28x202 cm", "Regal Zorin 202x80x28cm", Relation.EXACT),
        ("Regal Zorin 80x28x202 cm", "Regal Zorin 80x30x202cm", Relation.VARIANT),
        ("Zorin Hydro bottle 16 oz", "Zorin Hydro bottle 473 ml", Relation.EXACT),
        ("Zorin Hydro bottle 16 oz", "Zorin Hydro bottle 946 ml", Relation.VARIANT),
        ("Zorin jar 16 oz", "Zorin jar 453 g", Relation.EXACT),
        # The side that writes volumes too means a weight by its ounces.
        ("Zorin jar 16 oz", "Zorin jar 473 ml 453 g", Relation.UNDECIDABLE),
    ],
)
def test_sides_in_any_order_and_ounces_beside_millilitres(left: str, right: str, relation: Relation) -> None:
    pair = Pair("p", Listing("l", left), Listing("r", right))

    assert compare(pair).relation is relation
    assert compare(Pair("p", pair.right, pair.left)).relation is relation
