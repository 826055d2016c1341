import random
from dataclasses import replace
from types import MappingProxyType

import pytest

from epm.distill.renaming import renamed
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation


@pytest.fixture
def named() -> tuple[Pair, Rationale]:
    left = Listing("l", "KOLVRA Tempo kettle black KX-120", brand="Kolvra", attributes=MappingProxyType({"fits": "kolvra pots"}))
    right = Listing("r", "Kettle Drift by Kolvra, Black", description="Kolvra makes kettles.")
    core = (
        Comparison(attribute="brand", left="KOLVRA", right="Kolvra", verdict=Verdict.SAME),
        Comparison(attribute="name", left="Tempo", right="Drift", verdict=Verdict.DIFFERENT),
        Comparison(attribute="type", left="kettle", right="Kettle", verdict=Verdict.SAME),
    )
    colour = (Comparison(attribute="colour", left="black", right="Black", verdict=Verdict.SAME),)
    rationale = Rationale(
        core=AxisFinding(comparisons=core, verdict=Verdict.DIFFERENT),
        identifier=AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN),
        variant=AxisFinding(comparisons=colour, verdict=Verdict.SAME),
        relation=Relation.DIFFERENT,
        label=Label.NO_MATCH,
    )
    return Pair("p", left, right, Label.NO_MATCH, Relation.DIFFERENT), rationale


def test_a_name_is_replaced_everywhere_alike_and_keeps_its_capitals(named: tuple[Pair, Rationale]) -> None:
    pair, rationale = renamed(*named, random.Random(1), pieces=["an", "or"])
    brand = pair.left.brand
    assert brand is not None
    assert brand.casefold() not in {"kolvra", "kolv"}
    assert pair.left.title.startswith(brand.upper())
    assert f"by {brand}, Black" in pair.right.title
    assert pair.right.description == f"{brand} makes kettles."
    assert pair.left.attributes["fits"] == f"{brand.lower()} pots"
    assert rationale.core.comparisons[0].right == brand


def test_every_quote_still_stands_in_its_listing_and_the_answer_is_untouched(named: tuple[Pair, Rationale]) -> None:
    for seed in range(50):
        pair, rationale = renamed(*named, random.Random(seed), pieces=[])
        for axis in Axis:
            for cell in rationale.finding(axis).comparisons:
                assert any(cell.left in text for text in pair.left.texts().values() if cell.left)
                assert any(cell.right in text for text in pair.right.texts().values() if cell.right)
        assert (rationale.relation, rationale.label) == (Relation.DIFFERENT, Label.NO_MATCH)


def test_words_that_are_no_names_stay(named: tuple[Pair, Rationale]) -> None:
    pair, rationale = renamed(*named, random.Random(2), pieces=[])
    assert "kettle black KX-120" in pair.left.title
    assert rationale.variant == named[1].variant
    assert rationale.core.comparisons[2] == named[1].core.comparisons[2]


def test_a_pair_without_names_comes_back_as_it_is(named: tuple[Pair, Rationale]) -> None:
    pair, rationale = named
    nameless = rationale.model_copy(update={"core": AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)})
    assert renamed(replace(pair), nameless, random.Random(3), pieces=["an"]) == (pair, nameless)
