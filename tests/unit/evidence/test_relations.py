from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import PairEvidence, compare
from epm.evidence.entailment import entailment_problems, quote_problems
from epm.identity import FAMILY, PER_UNIT
from epm.pair import Pair
from epm.rationale import Verdict
from epm.relation import Label, Relation

MakePair = Callable[..., Pair]
CompareTitles = Callable[[str, str], PairEvidence]
BASE = "Kolvra KX-120 kettle 1.7 l black"


@pytest.mark.parametrize(
    ("left", "right", "relation", "factor"),
    [
        (BASE, "KOLVRA KX120 Wasserkocher 1,7 Liter schwarz", Relation.EXACT, None),
        (BASE, "[HOT] Bouilloire Kolvra KX 120 1,7l noir - livraison gratuite!", Relation.EXACT, None),
        (BASE, "Kolvra KX-120 kettle black", Relation.UNDECIDABLE, None),
        (BASE, "Kolvra KX-120 kettle 1.7 l black mit Tasche", Relation.BUNDLE_OF, None),
        ("Umbrava KX-120F drill", "Umbrava KX-120 drill", Relation.DIFFERENT, None),
        ("Zelvane Wall shade for Hestrova L137", "Umbrava Wall shade for Hestrova L137", Relation.DIFFERENT, None),
        (BASE, "Kolvra KX-120 kettle 1.7 l white", Relation.VARIANT, None),
        (BASE, "Kolvra KX-120 kettle 1.2 l black", Relation.VARIANT, None),
        (BASE, "Kolvra KX-130 kettle 1.7 l black", Relation.DIFFERENT, None),
        (BASE, "Kolvra KX-120 kettle 1.7 l black 2er Set", Relation.OTHER_PACK, 2),
        (BASE, "Kolvra KX-120 kettle 1.7 l black generalüberholt", Relation.CONDITION, None),
        (BASE, "Kolvra KX-120 kettle 1.7 l black + descaler", Relation.BUNDLE_OF, None),
        ("Descaling filter compatible with Kolvra KX-120", BASE, Relation.ACCESSORY_FOR, None),
        ("Filtre passend für Kolvra KX-120", BASE, Relation.ACCESSORY_FOR, None),
        ("Velta water 24 x 330 ml", "Velta water 330ml 6 pack", Relation.OTHER_PACK, 4),
        ("Apple iPhone 12 64GB", "Apple iPhone 12 Pro 64GB", Relation.DIFFERENT, None),
        ("Tarnis Orvela perfume 2nd generation", "Tarnis Orvela perfume 3rd generation", Relation.DIFFERENT, None),
        ("", "Kolvra KX-120", Relation.UNDECIDABLE, None),
    ],
)
def test_the_relation_follows_from_what_the_titles_say(
    compare_titles: CompareTitles, left: str, right: str, relation: Relation, factor: int | None
) -> None:
    evidence = compare_titles(left, right)

    assert (evidence.relation, evidence.factor) == (relation, factor)
    assert entailment_problems(evidence.rationale) == ()
    assert quote_problems(evidence.rationale, {"title": left}, {"title": right}) == ()


def test_the_label_follows_from_the_identity_rule(make_pair: MakePair) -> None:
    colours = make_pair(BASE, "Kolvra KX-120 kettle 1.7 l white")
    packs = make_pair(BASE, f"{BASE} pack of 2")

    assert compare(colours).rationale.label is Label.NO_MATCH
    assert compare(colours, FAMILY).rationale.label is Label.MATCH
    assert compare(packs, PER_UNIT).rationale.label is Label.MATCH


def test_a_missing_value_is_silence(compare_titles: CompareTitles) -> None:
    evidence = compare_titles(BASE, "Kolvra KX-120 kettle 1.7 l")

    (colour,) = (cell for cell in evidence.rationale.variant.comparisons if cell.attribute == "colour")
    assert (colour.left, colour.right, colour.verdict) == ("black", None, Verdict.UNKNOWN)
    assert evidence.relation is Relation.EXACT


def test_a_size_that_one_side_leaves_out_is_settled_by_an_identifier(make_pair: MakePair) -> None:
    pair = make_pair({"title": BASE, "mpn": "7487-159"}, {"title": "Kolvra KX-120 kettle black", "mpn": "7487-159"})

    assert compare(pair).relation is Relation.EXACT


def test_part_numbers_conflict_only_within_one_numbering_format(make_pair: MakePair) -> None:
    def relation(left: str, right: str) -> Relation:
        return compare(make_pair({"title": BASE, "mpn": left}, {"title": BASE, "mpn": right})).relation

    assert relation("7487-159", "8073-091") is Relation.DIFFERENT
    assert relation("7487-159", "99123") is Relation.EXACT


def test_a_colour_within_a_brand_is_no_colour(compare_titles: CompareTitles) -> None:
    evidence = compare_titles("Black+Decker BDK-700 drill orange", "Black & Decker BDK-700 drill")

    assert [cell.left for cell in evidence.rationale.variant.comparisons if cell.attribute == "colour"] == ["orange"]


def test_two_valid_gtins_that_differ_keep_a_pair_from_being_exact(make_pair: MakePair) -> None:
    title = "Kolvra KX-120 kettle"

    def relation(left: str, right: str) -> Relation:
        return compare(make_pair({"title": title, "gtin": left}, {"title": title, "gtin": right})).relation

    assert relation("4006381333931", "4006381333931") is Relation.EXACT
    assert relation("4006381333931", "0036000291452") is Relation.DIFFERENT
    assert relation("4006381333931", "4006381333932") is Relation.EXACT  # a bad check digit refutes nothing


def test_promotional_words_change_nothing(compare_titles: CompareTitles) -> None:
    plain = compare_titles(BASE, BASE)
    loud = compare_titles(BASE, f"★ BEST PRICE ★ {BASE} - FREE SHIPPING - 20% off [Official Store]")

    assert loud.relation is plain.relation is Relation.EXACT


def test_zero_width_and_look_alike_characters_are_read_through(compare_titles: CompareTitles) -> None:
    assert compare_titles(BASE, "Kol\u200bvra КX‑120 kettle 1.7 l black").relation is Relation.EXACT


def test_probability_is_at_least_one_half_exactly_for_exact_pairs(compare_titles: CompareTitles) -> None:
    assert compare_titles(BASE, BASE).probability >= 0.5
    assert compare_titles(BASE, "Kolvra KX-120 kettle 1.7 l white").probability < 0.5
    assert compare_titles(BASE, "Zorin N-77 drill").probability < compare_titles(BASE, "Kolvra kettle").probability


def test_attributes_are_read_by_what_their_name_means_in_any_language(make_pair: MakePair) -> None:
    evidence = compare(
        make_pair(
            {"title": "Kolvra KX-120", "attributes": {"Farbe": "schwarz"}}, {"title": "Kolvra KX-120", "attributes": {"couleur": "blanc"}}
        )
    )

    assert evidence.relation is Relation.VARIANT
