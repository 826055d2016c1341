from __future__ import annotations

from decimal import Decimal

import pytest

from epm.evidence.attributes import read_attributes

SIZES = ("width", "height", "length", "depth")


def sizes(title: str, description: str = "") -> dict[str, str]:
    found = read_attributes({"title": title, "description": description})
    return {name: found[name][0].span.quote for name in SIZES if name in found}


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ('Shelf, 24"W x 18"D x 10"H, steel', {"width": '24"', "depth": '18"', "height": '10"'}),
        ('Cart, 36"H x 53"L x 29"W', {"width": '29"', "length": '53"', "height": '36"'}),
        ('Top, 30" wide top, 96" long, 36" high', {"width": '30"', "length": '96"', "height": '36"'}),
        ("Pocket. 13w x 4d x 7h.", {"width": "13", "depth": "4", "height": "7"}),
        ('Range, 26-5/8" W x 28-1/4" D', {"width": '26-5/8"', "depth": '28-1/4"'}),
        ("Masking tape. 18mm Wide", {"width": "18mm"}),
    ],
)
def test_labelled_dimensions_are_read_without_their_label(description: str, expected: dict[str, str]) -> None:
    assert sizes("Kolvra thing", description) == expected


@pytest.mark.parametrize("description", ["Heater of 100W power", "Bottle of 2 l", 'Table with 5"H riser', "A 48w lamp"])
def test_watts_litres_and_parts_are_no_dimensions_of_the_product(description: str) -> None:
    assert sizes("Kolvra thing", description) == {}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Shipping Tags, 4 3/4 x 2 3/8, Manila", {"width": "4 3/4", "height": "2 3/8"}),
        ("Ruled Notebook, 9 1/4 x 7 1/4, White", {"width": "7 1/4", "height": "9 1/4"}),
        ("Cleaning Wipes, 5 x 10, White", {"width": "5", "length": "10"}),
        ('Filament Tape, 1.88" x 21.8yds, Clear', {"width": '1.88"', "length": "21.8yds"}),
        ('Landmark Container - 26x26x40" Dome', {"width": "26", "length": "26", "height": '40"'}),
        ("Photo Paper Glossy 4Inx6In", {"width": "4In", "height": "6In"}),
        ("Lismore Vase 12in", {"height": "12in"}),
        ('Steak Knife, 9.77"', {"length": '9.77"'}),
        ('Kolvra ZN-60 60" Wall Shelving', {"width": '60"'}),
        ("Zorin Drive 2 x 300GB", {}),
        ("Kolvra 2 x 500 ml Bottles", {}),
        ("3M Notes", {}),
    ],
)
def test_what_the_thing_is_tells_what_an_unlabelled_measure_measures(title: str, expected: dict[str, str]) -> None:
    assert sizes(title) == expected


def test_a_box_follows_the_order_of_axes_that_the_text_names() -> None:
    assert sizes("Storage File", "Inside dimensions listed below (w x h x d). 15 x 10 x 24") == {
        "width": "15",
        "height": "10",
        "depth": "24",
    }


def test_a_bare_measure_takes_the_name_that_another_place_gives_the_same_amount() -> None:
    found = read_attributes({"title": 'Kolvra 314-72 72" Work Table', "description": 'Table, 36" wide top, 72" long'})

    assert [value.span.quote for value in found["length"]] == ['72"', '72"']
    assert [value.span.quote for value in found["width"]] == ['36"']


def test_lengths_without_a_unit_are_inches_and_a_unit_holds_for_the_whole_box() -> None:
    inches = read_attributes({"title": "Shipping Tags, 4 3/4 x 2 3/8"})
    metric = read_attributes({"title": "Shipping Tags, 12 x 6 cm"})

    assert inches["width"][0].amount == Decimal("120.650")
    assert metric["width"][0].amount == Decimal(120)
