"""Regions of a pair: markets against markets, languages against languages."""

from __future__ import annotations

import pytest

from epm.evidence.compare import compare_parsed
from epm.evidence.engine import read_listing
from epm.listing import Listing
from epm.rationale import Verdict


def region(left: str, right: str) -> Verdict:
    sides = [read_listing(Listing(text, f"Kolvra KX-120 notebook {text}")) for text in (left, right)]
    verdict = compare_parsed(*sides).verdict("region")
    assert verdict is compare_parsed(*reversed(sides)).verdict("region")
    return verdict


@pytest.mark.parametrize(
    ("left", "right"), [("EU plug", "UK plug"), ("QWERTZ", "AZERTY"), ("deutsche Version", "version française"), ("PAL", "NTSC")]
)
def test_two_markets_or_two_languages_differ(left: str, right: str) -> None:
    assert region(left, right) is Verdict.DIFFERENT


@pytest.mark.parametrize(("left", "right"), [("EU plug", "QWERTZ"), ("UK plug", "English edition"), ("US version", "QWERTY")])
def test_a_market_and_a_language_do_not_contradict_each_other(left: str, right: str) -> None:
    assert region(left, right) is Verdict.UNKNOWN


@pytest.mark.parametrize(("left", "right"), [("QWERTZ", "deutsche Version"), ("English edition", "QWERTY"), ("EU plug", "Schuko")])
def test_two_names_of_one_region_agree(left: str, right: str) -> None:
    assert region(left, right) is Verdict.SAME
