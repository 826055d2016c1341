"""Letters behind a number: a processor, a computer, a colour, or another model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import PairEvidence, compare, read_texts
from epm.evidence.identifiers import is_same_stem, suffix_conflict
from epm.pair import Pair
from epm.relation import Relation

CompareTitles = Callable[[str, str], PairEvidence]


@pytest.mark.parametrize(
    ("title", "attribute", "keys"),
    [
        ("Orvela Saga 3 PC", "pack", []),
        ("Velta chisel set 3 PC", "pack", ["3"]),
        ("VELTA CHISELS 3 PC", "pack", ["3"]),
        ("Velta chisels, 3 PC", "pack", ["3"]),
        ("velta chisels 3 pc", "pack", ["3"]),
        ("Zorin Core 5 5600G", "capacity", []),
        ("Zorin Core 5 5600G", "model", ["5600g"]),
        ("Velta flour 1500G", "capacity", ["mass 1500"]),
        ("Velta flour 5 1500g", "capacity", ["mass 1500"]),
    ],
)
def test_what_a_letter_behind_a_number_means(title: str, attribute: str, keys: list[str]) -> None:
    assert [value.key for value in read_texts({"title": title}).of(attribute)] == keys


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("Zorin Core 5 5600G", "Zorin Core 5 5600", Relation.DIFFERENT),
        ("Zorin printer HL-L2350DW", "Zorin printer HL-L2350DN", Relation.DIFFERENT),
        ("Zorin kettle KXR-2350W", "Zorin kettle KXR-2350BK", Relation.VARIANT),
    ],
)
def test_another_ending_is_another_model_unless_it_is_a_colour(
    compare_titles: CompareTitles, left: str, right: str, relation: Relation
) -> None:
    assert compare_titles(left, right).relation is relation
    assert compare_titles(right, left).relation is relation


def test_the_last_letter_of_a_longer_ending_is_no_colour() -> None:
    assert suffix_conflict("hll2350dw", "hll2350dn") is None
    assert suffix_conflict("kxr2350w", "kxr2350bk") == "colour"
    assert suffix_conflict("kxr2350ebk", "kxr2350ewh") == "colour"
    assert not is_same_stem("hll2350dw", "hll2350dn")
    assert is_same_stem("hll2350dw", "hll2350")


@pytest.mark.parametrize(("title", "relation"), [("Velta V8", Relation.CONDITION), ("Velta V9", Relation.DIFFERENT)])
def test_a_maker_and_a_generation_name_a_product(make_pair: Callable[..., Pair], title: str, relation: Relation) -> None:
    pair = make_pair({"title": "Velta V8 renewed", "brand": "Velta"}, {"title": title, "brand": "Velta"})

    assert compare(pair).relation is relation
