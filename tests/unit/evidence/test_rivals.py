"""What a left-over word means: a rival name, another maker, the same part in another language, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import PairEvidence, compare, read_listing
from epm.evidence.names import is_kind_of
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Relation

CompareTitles = Callable[[str, str], PairEvidence]


def rules(evidence: PairEvidence) -> set[str]:
    return {atom.rule for atom in evidence.atoms}


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        # The name of a line against the name of another, where the type is known on both sides.
        ("Velta Zephyr Dawn travel bag 25 l", "Velta Zephyr Impulse Reisetasche 25 l", Relation.DIFFERENT),
        ("Velta Zephyr Dawn travel bag 25 l", "Velta Zephyr Dawn Reisetasche 25 l roomy", Relation.EXACT),
        # One maker's part for one product, its name in two languages.
        ("Velta Gehäuse für Dorvane MH-647", "Velta boîtier pour Dorvane MH 647", Relation.EXACT),
        ("Velta Gehäuse für Dorvane MH-647", "Velta boîtier pour Dorvane MH 648", Relation.DIFFERENT),
        ("Velta Gehäuse für Dorvane MH-647", "Nolbrek boîtier pour Dorvane MH 647", Relation.DIFFERENT),
        # A code after "for" is the other product's, unless both listings bear one name before it.
        ("Nolbrek enclosure for Velta DK-0015", "Velta DK-0015 USB stick Haven 128 GB", Relation.ACCESSORY_FOR),
        ("Velta Haven rails for Velta DK-0015", "Velta Haven rails DK-0015", Relation.EXACT),
        # The standard edition goes without saying; others do not.
        ("Orvela Writer 9 standard", "Orvela Writer 9", Relation.EXACT),
        ("Orvela Writer 9 deluxe", "Orvela Writer 9", Relation.DIFFERENT),
        ("Orvela Writer 9 standard", "Orvela Writer 9 deluxe", Relation.DIFFERENT),
        ("Orvela Writer 9 dlx", "Orvela Writer 9 deluxe", Relation.EXACT),
        # An edition as the only difference tells two products apart, however much else is stated.
        ("Orvela Lunera 12 phone 64GB black", "Orvela Lunera 12 Pro phone 64GB black", Relation.DIFFERENT),
        ("Orvela Lunera 12 Pro phone 64GB black", "Orvela Lunera 12 professional phone 64GB black", Relation.EXACT),
        # A short code names the model in all its capacities, a long one also the capacity.
        ("Oxmarsh EK-3215 USB stick 128 GB", "Oxmarsh EK-3215 USB stick", Relation.UNDECIDABLE),
        ("Oxmarsh EK-3215128 USB stick 128 GB", "Oxmarsh EK-3215128 USB stick", Relation.EXACT),
    ],
)
def test_the_relation_follows_from_what_is_left_over(compare_titles: CompareTitles, left: str, right: str, relation: Relation) -> None:
    assert compare_titles(left, right).relation is relation
    assert compare_titles(right, left).relation is relation


def test_one_word_in_the_place_of_the_maker_is_another_maker(make_pair: Callable[..., Pair]) -> None:
    left = {"title": "Mosaic Eistee 250 ml", "brand": "Zelvane"}

    assert compare(make_pair(left, "Mostvik Mosaic iced tea 250 ml")).relation is Relation.DIFFERENT
    assert compare(make_pair(left, "Mosaic iced tea 250 ml")).relation is Relation.EXACT


def test_a_type_with_a_word_before_it_is_a_kind_of_that_type(compare_titles: CompareTitles) -> None:
    assert "type-kind" in rules(compare_titles("Velta Ember football boots", "Velta Ember boots"))
    assert "type-kind" not in rules(compare_titles("Velta Ember football boots", "Velta Ember ankle boots"))
    assert is_kind_of("hiking_boots", "boots")
    assert not is_kind_of("boots", "hiking_boots")
    assert not is_kind_of("reboots", "boots")


def test_a_long_part_number_after_the_target_is_shared_where_both_listings_bear_one_name(compare_titles: CompareTitles) -> None:
    assert "model-shared" in rules(compare_titles("Velta laces for Snapper LCST4412", "Velta laces for Snapper boots LCST4412"))
    assert "model-shared" not in rules(compare_titles("Velta laces for Snapper LCST4412", "Velta rails for Snapper LCST4412"))


def test_a_reference_of_many_dotted_digits_is_a_code_and_a_version_is_none() -> None:
    def codes(title: str) -> list[str]:
        return [value.key for value in read_listing(Listing("x", title)).of("model")]

    assert codes("Velta diver watch 315.40.46.51.02.001") == ["31540465102001"]
    assert codes("Velta Writer 12.5.1") == []
    assert codes("Velta Writer 1.2.3.4") == []


@pytest.mark.parametrize(
    "accessory", ["Replacement lid for Kolvra KX-120 kettle", "Lid for Kolvra KX-120 kettle 1.7 l", "Deckel für Kolvra KX-120 Wasserkocher"]
)
def test_a_type_word_after_for_is_the_targets_and_makes_no_kettle_of_a_lid(accessory: str) -> None:
    kettle = "Kolvra ReadyBrew KX-120 kettle 1.7 l"
    for left, right in ((kettle, accessory), (accessory, kettle)):
        assert compare(Pair("p", Listing("l", left), Listing("r", right))).relation is Relation.ACCESSORY_FOR
