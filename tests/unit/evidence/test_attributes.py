from __future__ import annotations

from decimal import Decimal

import pytest

from epm.evidence.attributes import ATTRIBUTES, read_attributes


def quotes(title: str, attribute: str, description: str = "") -> list[str]:
    return [value.span.quote for value in read_attributes({"title": title, "description": description}).get(attribute, ())]


@pytest.mark.parametrize(
    ("title", "maker"),
    [
        ("Zorin Prevo ZP-1200 Wall Shelf with Brackets", "Zorin Prevo"),
        ("Sticky Flags, 1 x 2, Green, 40/Pack Flags by Kolvra KLV40221 - MarketHub.com", "Kolvra"),
        ("Morning Dew 9in Vase - Kolvra | US", "Kolvra"),
        ("90211-B21 HP 72-GB 10K Drive", "HP"),
        ("Kolvra Company Stapler Black", "Kolvra Company"),
        ("Vel-O-Matic stapler, black", "Vel-O-Matic"),
        ("Genuine Avery 12345 Labels", "Avery"),
        ("Drill with 1/3 HP by Kolvra KX900", "Kolvra"),
    ],
)
def test_the_maker_stands_first_after_by_before_the_number_or_before_the_seller(title: str, maker: str) -> None:
    assert quotes(title, "maker")[0] == maker


def test_a_motor_has_horsepower_and_no_maker_of_computers() -> None:
    assert "HP" not in quotes("Kolvra Slicer, 1/2 HP, 12 in. knife", "maker")


def test_a_name_that_recurs_is_longer_than_its_first_word() -> None:
    assert quotes("Sandor Velk Rings Paolo Collection SV8217", "maker", "This Sandor Velk ring is shiny.")[0] == "Sandor Velk"


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("Kolvra KX-120/4 Kettle for KX-900 and KX-901", "KX-120/4"),
        ("295573-001 Zorin 12-Port Hub, New 295573-001 Hub Wholesale", "295573-001"),
        ("Kolvra 35250 Oil Kolvra Oil 12 Ounce - KLV35250 MarketHub", "KLV35250"),
        ("Pads, 4 x 6, 12/Pack by Kolvra KLV660YW - MarketHub.com", "KLV660YW"),
        ("Zorin 3-Panel Screen ZN4431", "ZN4431"),
        ("Toner by Zorin ZT77A | 4shop.com", "ZT77A"),
        ("Ink ZT-77 Black, for KX-900", "ZT-77"),
    ],
)
def test_the_own_number_stands_where_sellers_put_it(title: str, number: str) -> None:
    assert quotes(title, "part_number")[0] == number


def test_a_number_of_the_description_is_read_where_the_title_has_none() -> None:
    assert quotes("Kolvra kettle", "part_number", "Part# KX-120 Spare part") == ["KX-120"]
    assert quotes("Kolvra KX-77 kettle", "part_number", "Part# KX-120") == ["KX-77"]


@pytest.mark.parametrize(
    ("description", "upc"),
    [("ITEM #: 4421, B002EORK4UPC: 078731985712INNER PACKAGING: 10.", "078731985712"), ("EAN 4006381333931.", "4006381333931")],
)
def test_barcodes_are_read_even_where_words_are_glued_to_them(description: str, upc: str) -> None:
    assert quotes("Kolvra cups", "upc", description) == [upc]


def test_a_barcode_keeps_its_trust_grade() -> None:
    (value,) = read_attributes({"title": "Kolvra cup UPC: 078731985713"})["upc"]

    assert value.trust == "bad"


@pytest.mark.parametrize(
    ("title", "description", "colour"),
    [
        ("Kolvra Desk, Light Gray, 48 wide", "", "Light Gray"),
        ("Kolvra Frame Rosewood/Black Matted", "", "Rosewood/Black"),
        ("Kolvra Mailer, Gold Brown, Brown", "", "Gold Brown"),
        ("Kolvra Tray Navy Blue Blue", "", "Navy Blue"),
        ("Kolvra file", "Hangs on walls.SmokeCOLOR: Pearl SmokeALTERNATE ITEM #: 463920", "Pearl Smoke"),
        ("Kolvra seat", "Booster seat, dual height, hot red", "hot red"),
    ],
)
def test_colours_carry_the_words_that_belong_to_them(title: str, description: str, colour: str) -> None:
    assert quotes(title, "colour", description)[0] == colour


@pytest.mark.parametrize("description", ["Holidays printed in red on thick paper.", "Tells black tea from green tea well."])
def test_colours_in_passing_are_no_colour_of_the_product(description: str) -> None:
    assert quotes("Kolvra calendar", "colour", description) == []


@pytest.mark.parametrize("title", ["Red Bull Cooler", "Work Table, Stainless Steel Top"])
def test_colours_of_makers_and_steel_are_no_colours(title: str) -> None:
    assert quotes(title, "colour") == []


@pytest.mark.parametrize(
    ("title", "description", "capacity"),
    [
        ("90211-B21 Zorin 300-GB 10K Drive", "", "300-GB"),
        ("Kolvra 35-gal Container", "", "35-gal"),
        ("Kolvra Cart", "Two shelves, 750 lb. total capacity, casters", "750 lb."),
        ("Kolvra Bags", "For waste.40-45 Gallon Capacity 25 per roll", "40-45 Gallon"),
        ("Kolvra 30-Sheet Stapler", "", "30-Sheet"),
        ("Kolvra Glass Cleaner 12oz Can", "", "12oz"),
        ("Kolvra can", "Capacity (Volume): 8.5 oz; tin", "8.5 oz"),
    ],
)
def test_capacities_are_read_as_written(title: str, description: str, capacity: str) -> None:
    assert quotes(title, "capacity", description)[0] == capacity


@pytest.mark.parametrize(
    "title", ["Zorin P822/2GB FBWC Controller", "Zorin 2Gb/s Adapter", "Kolvra Notebook, 96 Sheets", "Paper 24 lb. White"]
)
def test_caches_rates_leaves_and_paper_weights_are_no_capacity(title: str) -> None:
    assert quotes(title, "capacity") == []


@pytest.mark.parametrize(
    ("title", "description", "pack", "count"),
    [
        ("Wipes, 5 x 10, 50/Pack by Kolvra KLV100", "", "50/Pack", 50),
        ("Tags, 1,000/Box by Kolvra KLV100", "", "1,000/Box", 1000),
        ("Kolvra Covers Set of 50", "", "Set of 50", 50),
        ("Kolvra notes", "Recycled.6 Pads per PackPost-it", "6 Pads per Pack", 6),
        ("Kolvra Call Book, 400 Forms", "", "400 Forms", 400),
    ],
)
def test_pack_quantities_are_read_with_their_count(title: str, description: str, pack: str, count: int) -> None:
    value = read_attributes({"title": title, "description": description})["pack_quantity"][0]

    assert (value.span.quote, value.amount) == (pack, count)


def test_what_a_stapler_staples_is_no_pack() -> None:
    assert quotes("Kolvra 30 Sheet Stapler", "pack_quantity") == []


def test_values_are_verbatim_in_their_field_and_name_their_rule() -> None:
    texts = {
        "title": "Zorin™ ZN-90 ½ Shelf – 70 5/8w × 11 3/4d × 23 5/8h, Med Cherry, 12/Case",
        "description": "Strong.BlackCOLOR: Jet BlackUPC: 012345678905",
    }
    found = read_attributes(texts)

    assert {"maker", "part_number", "upc", "colour", "pack_quantity", "width", "height", "depth"} <= set(found)
    for attribute, values in found.items():
        assert attribute in ATTRIBUTES
        for value in values:
            assert texts[value.span.field][value.span.start : value.span.end] == value.span.quote
            assert value.rule


def test_named_fields_come_before_running_text() -> None:
    found = read_attributes(
        {"title": "Zorin ZN-90 Shelf, Black", "brand": "Kolvra", "attributes.Color": "Forest", "attributes.Width": "24 in."}
    )

    assert [value.span.quote for value in found["maker"]] == ["Kolvra", "Zorin"]
    assert [value.span.quote for value in found["colour"]] == ["Forest", "Black"]
    assert found["width"][0].span.quote == "24 in."


@pytest.mark.parametrize("title", ["", " ", "x", '# "', "(((", "×", "1/2", "by ", " - | ", "COLOR:", '1/0" wide', "5/00 x 3"])
def test_nothing_is_read_in_next_to_nothing(title: str) -> None:
    assert read_attributes({"title": title}).keys() <= {"maker", "width"}


def test_amounts_of_lengths_are_exact() -> None:
    (width,) = read_attributes({"title": "Kolvra Shelf", "description": 'Shelf, 26-5/8" wide'})["width"]

    assert width.amount == Decimal("676.275")
