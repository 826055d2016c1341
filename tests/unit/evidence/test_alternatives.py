"""What a product is one of and never another: its platform, its edition, the model that it fits, its concentration or binding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import PairEvidence
from epm.rationale import Verdict
from epm.relation import Relation

CompareTitles = Callable[[str, str], PairEvidence]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Orvela Racer 22 PS4", "Orvela Racer 22 PS5"),
        ("Orvela Racer PlayStation 4", "Orvela Racer Xbox One"),
        ("Orvela Writer 2023 PC", "Orvela Writer 2023 Mac"),
        ("Orvela Saga 3 Nintendo Switch", "Orvela Saga 3 PC"),
        ("Zorin N5 Eau de Parfum 50ml", "Zorin N5 Eau de Toilette 50ml"),
        ("Zorin N5 EDP 50ml", "Zorin N5 EDT 50ml"),
        ("Orvela Saga hardcover", "Orvela Saga Taschenbuch"),
        ("QTX 4070 Super 12GB", "QTX 4070 Ti 12GB"),
        ("Hülle für Velta Orbit S21", "Hülle für Velta Orbit S21+"),
        ("Nolbrek Hülle für Velta Orbit S21 schwarz", "Nolbrek Hülle für Velta Orbit S21 Ultra schwarz"),
        ("Case for Velta Orbit S21", "Case for Velta Orbit S21+"),
        ("Velta Orbit S21+ phone", "Velta Orbit S21 phone"),
        ("Velta Reader 11th gen 8GB", "Velta Reader (10e génération) 8 Go"),
    ],
)
def test_two_alternatives_are_two_products(compare_titles: CompareTitles, left: str, right: str) -> None:
    assert compare_titles(left, right).relation is Relation.DIFFERENT
    assert compare_titles(right, left).relation is Relation.DIFFERENT


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Orvela Writer 2023 PC/Mac", "Orvela Writer 2023 Mac"),
        ("Orvela Racer 22 PS4", "Orvela Racer 22 PlayStation 4"),
        ("Orvela Racer 22 PS4", "Orvela Racer 22"),
        ("Zorin N5 Eau de Parfum 50ml", "Zorin N5 EDP 50ml"),
        ("Zorin N5 perfume 50ml", "Zorin N5 EDP 50ml"),
        ("Hülle für Velta Orbit S21+", "Hülle für Velta Orbit S21 Plus"),
        ("Velta Orbit S21+ phone", "Velta Orbit S21 Plus phone"),
        ("Velta Reader 11th gen 8GB", "Velta Reader (11. Generation) 8 GB"),
    ],
)
def test_one_alternative_in_two_writings_is_one_product(compare_titles: CompareTitles, left: str, right: str) -> None:
    assert compare_titles(left, right).relation is Relation.EXACT


def test_an_edition_on_either_side_weighs_little_beside_a_part_number(compare_titles: CompareTitles) -> None:
    evidence = compare_titles("Velta drive 619291-B21 900 GB OEM", "Velta drive 619291-B21 900 GB Enterprise")

    assert evidence.relation is Relation.EXACT


@pytest.mark.parametrize("title", ["Nolbrek 1+ Adult dog food 85 g", "Velta Orbit S21+ Hülle"])
def test_a_plus_behind_a_number_adds_nothing(compare_titles: CompareTitles, title: str) -> None:
    assert all(atom.attribute != "bundle" for atom in compare_titles(title, title).atoms)


def test_a_plus_behind_a_word_still_adds_something(compare_titles: CompareTitles) -> None:
    assert compare_titles("Velta Orbit camera+ tripod", "Velta Orbit camera").relation is Relation.BUNDLE_OF
    assert compare_titles("Velta Orbit S21 + tripod", "Velta Orbit S21").relation is Relation.BUNDLE_OF


def test_a_case_for_two_models_fits_either(compare_titles: CompareTitles) -> None:
    evidence = compare_titles("Case for Velta Orbit 12 12 Pro", "Case for Velta Orbit 12")

    assert [atom.verdict for atom in evidence.atoms if atom.attribute == "compatibility"] == [Verdict.SAME]


def test_an_edition_is_no_maker(compare_titles: CompareTitles) -> None:
    evidence = compare_titles("Ultra Zorin lamp", "Zorin lamp")

    assert next(atom for atom in evidence.atoms if atom.attribute == "brand").verdict is Verdict.SAME
