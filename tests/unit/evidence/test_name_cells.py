"""What stands in a rationale's name cell, and which cell argues that two cores differ."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import PairEvidence, compare
from epm.evidence.normalise import squeeze
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Comparison, Verdict
from epm.relation import Relation
from epm.sample import World, generate

MakePair = Callable[..., Pair]
CompareTitles = Callable[[str, str], PairEvidence]


def quotes(evidence: PairEvidence, attribute: str) -> tuple[str | None, str | None]:
    found = next(c for c in evidence.rationale.core.comparisons if c.attribute == attribute)
    return found.left, found.right


def lies(evidence: PairEvidence) -> list[Comparison]:
    """Cells that call one text different."""
    cells = (cell for axis in Axis for cell in evidence.rationale.finding(axis).comparisons)
    return [c for c in cells if c.verdict is Verdict.DIFFERENT and squeeze(c.left or "") == squeeze(c.right or "")]


def test_the_whole_name_is_quoted_and_not_the_word_that_differs(compare_titles: CompareTitles) -> None:
    evidence = compare_titles("Velmora Quartz Tempo backpack 30 l", "Velmora Quartz Ember backpack 30 l")
    assert quotes(evidence, "name") == ("Quartz Tempo", "Quartz Ember")


def test_a_brand_that_the_other_side_names_in_full_is_quoted_in_full_and_leaves_the_name(make_pair: MakePair) -> None:
    evidence = compare(
        make_pair(
            {"title": "Rustan bay saga unison lmj-70 monitor"}, {"title": "RUSTAN BAY Saga Unison LMJ-70 monitor", "brand": "RUSTAN BAY"}
        )
    )
    assert quotes(evidence, "brand") == ("Rustan bay", "RUSTAN BAY")
    assert quotes(evidence, "name") == ("saga unison", "Saga Unison")


def test_a_name_joined_by_an_ampersand_is_one_brand(compare_titles: CompareTitles) -> None:
    evidence = compare_titles("Tarnel & Pike Horizon G121 floor lamp", "TARNEL & PIKE horizon G121 floor lamp")
    assert quotes(evidence, "brand") == ("Tarnel & Pike", "TARNEL & PIKE")


def test_a_part_number_stands_in_its_own_cell_and_not_again_as_a_model(make_pair: MakePair) -> None:
    evidence = compare(
        make_pair({"title": "Jundall Drift hair dye red", "mpn": "6352-842"}, {"title": "Jundall hair dye Drift red", "mpn": "6352-842"})
    )
    assert "model" not in {cell.attribute for cell in evidence.rationale.core.comparisons}
    assert "mpn" in {cell.attribute for cell in evidence.rationale.identifier.comparisons}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("RAVSTOCK filtre anticalcaire pour Ravstock JF2237", "Ravstock filtre anticalcaire compatible avec Ravstock JF-2237D"),
        ("Lomvick lemonade Canyon 330ml", "GRIMSVALE Canyon lemonade 0.33 L"),
    ],
)
def test_what_differs_is_shown_by_a_cell_that_differs(compare_titles: CompareTitles, left: str, right: str) -> None:
    evidence = compare_titles(left, right)
    assert evidence.relation is Relation.DIFFERENT
    assert evidence.rationale.core.verdict is Verdict.DIFFERENT
    assert not lies(evidence)


def test_no_cell_of_the_sample_calls_one_text_different() -> None:
    told = [(pair.pair, compare(pair.pair)) for world in World for pair in generate(world, 300, seed=5)]
    assert not [(pair.left.title, pair.right.title, lies(evidence)) for pair, evidence in told if lies(evidence)]


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        ("Kolvra Lune 12", "Kolvra Lune 12 Pro", ("Lune 12", "Lune 12 Pro")),
        ("Kolvra KX-120 kettle", "Kolvra KX-120 Plus kettle", ("KX-120 kettle", "KX-120 Plus kettle")),
    ],
)
def test_where_one_title_adds_an_edition_the_whole_names_show_the_difference(left: str, right: str, names: tuple[str, str]) -> None:
    for swapped in (False, True):
        titles = (right, left) if swapped else (left, right)
        rationale = compare(Pair("p", Listing("l", titles[0]), Listing("r", titles[1]))).rationale
        name = next(cell for cell in rationale.core.comparisons if cell.attribute == "name")
        assert (name.left, name.right) == (names[::-1] if swapped else names)
        assert (name.verdict, rationale.relation) == (Verdict.DIFFERENT, Relation.DIFFERENT)


def test_two_makers_of_one_thing_without_a_name_differ_by_their_brands() -> None:
    rationale = compare(Pair("p", Listing("l", "Velta drill 18V"), Listing("r", "Orvo drill 18V"))).rationale
    assert [(cell.attribute, cell.verdict) for cell in rationale.core.comparisons] == [("brand", Verdict.DIFFERENT)]
    assert rationale.relation is Relation.DIFFERENT
