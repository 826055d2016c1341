"""A product line stands for its maker, as a guess that agrees but never refutes."""

from __future__ import annotations

import pytest

from epm.evidence.brand import line_makers
from epm.evidence.engine import compare, read_texts
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Verdict


@pytest.mark.parametrize(("title", "maker"), [("Galaxy Zen 9 128 GB", "samsung"), ("Cyber-shot KX120", "sony"), ("ThinkPad Z9", "lenovo")])
def test_a_title_that_leads_with_a_line_means_its_maker(title: str, maker: str) -> None:
    (brand,) = read_texts({"title": title}).of("brand")

    assert (brand.key, brand.rule, brand.trust) == (maker, "brand-line", "lead")


def test_a_line_never_overrules_a_maker_that_is_written() -> None:
    assert [value.key for value in read_texts({"title": "Velta case Galaxy", "brand": "Velta"}).of("brand")] == ["velta"]
    evidence = compare(Pair("p", Listing("l", "Galaxy chocolate 100 g"), Listing("r", "Galaxy chocolate 100 g", brand="Zorin")))
    assert all(atom.verdict is not Verdict.DIFFERENT for atom in evidence.atoms if atom.attribute == "brand")


def test_no_line_has_two_makers() -> None:
    assert len(line_makers()) == sum(len(lines) for lines in _lines())


def _lines() -> list[tuple[str, ...]]:
    from epm.evidence.words import word_list  # only this test looks into the file

    return list(word_list("line").values())
