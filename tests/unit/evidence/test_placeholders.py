"""A cell that says "no brand" or "not applicable" says nothing: silence, never a conflict and never an agreement."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import compare
from epm.pair import Pair
from epm.rationale import Verdict
from epm.relation import Relation

MakePair = Callable[..., Pair]
TITLE = "Kettle KX-120 black"


@pytest.mark.parametrize(
    "brand",
    ["unbranded", "No Name", "Markenlos", "sans marque", "Sin marca", "senza marca", "Does not apply", "OEM", "unknown", "N/A",
     "Générique", "keine Angabe", "브랜드 없음"],
)  # fmt: skip
def test_a_placeholder_brand_is_silence(make_pair: MakePair, brand: str) -> None:
    evidence = compare(make_pair({"title": TITLE, "brand": "Kolvra"}, {"title": TITLE, "brand": brand}))

    assert evidence.relation is Relation.EXACT
    assert all(atom.verdict is not Verdict.DIFFERENT for atom in evidence.atoms)


def test_a_brand_that_merely_holds_such_a_word_is_a_brand(make_pair: MakePair) -> None:
    evidence = compare(make_pair({"title": TITLE, "brand": "Kolvra"}, {"title": TITLE, "brand": "Generic Kontor"}))

    assert evidence.relation is Relation.DIFFERENT


@pytest.mark.parametrize("field", ["mpn", "gtin"])
def test_two_placeholders_are_no_common_code(make_pair: MakePair, field: str) -> None:
    evidence = compare(make_pair({"title": "Velta lamp", field: "Does not apply"}, {"title": "Velta lamp", field: "Does not apply"}))

    assert all(atom.attribute != field for atom in evidence.atoms)


def test_a_placeholder_in_a_title_is_not_guessed_to_be_the_maker(make_pair: MakePair) -> None:
    evidence = compare(make_pair("Unbranded Zorin lamp Z9", "Zorin lamp Z9"))

    assert next(atom for atom in evidence.atoms if atom.attribute == "brand").verdict is Verdict.SAME
