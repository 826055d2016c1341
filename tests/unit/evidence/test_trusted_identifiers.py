"""An equal GTIN is no proof: packs, conditions and bundles under the single's number, and in-store numbers, set the traps."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from scipy.stats import beta

from epm.evidence.engine import compare
from epm.evidence.gtins import check_digit
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Verdict
from epm.relation import Relation
from epm.sample import World, generate

N_PAIRS = 900
MISUSED = frozenset({Relation.OTHER_PACK, Relation.BUNDLE_OF, Relation.CONDITION})
"""Relations whose sellers are known to list the offer under the number of the plain item."""
TRAPS = ("other_pack", "condition", "bundle_of", "case", "in-store", "coupon", "placeholder", "bad check digit")


def _gtin(prefix: str, number: int) -> str:
    body = f"{prefix}{number:0{12 - len(prefix)}d}"
    return body + check_digit(body)


def _numbered(pair: Pair, gtin: str, right: str | None = None) -> Pair:
    return Pair(pair.id, replace(pair.left, gtin=gtin), replace(pair.right, gtin=right or gtin), gold_label=pair.gold_label)


def _trapped(pair: Pair, truth: Relation, number: int) -> tuple[str, Pair]:
    """The pair with numbers as shops set them, and the trap that it is: only exact pairs have a number that proves them."""
    item = _gtin("400", number)
    if truth is Relation.EXACT:
        return "none", _numbered(pair, item)
    if truth is Relation.OTHER_PACK and number % 2:
        case = f"1{item[:12]}"
        return "case", _numbered(pair, case + check_digit(case), item)
    if truth in MISUSED:
        return truth.value, _numbered(pair, item)
    traps = {
        "in-store": _gtin("21", number),
        "coupon": _gtin("99", number),
        "placeholder": ("0000000000000", "1234567890128", "1111111111116")[number % 3],
        "bad check digit": item[:12] + str((int(item[12]) + 1) % 10),
    }
    kind = sorted(traps)[number % len(traps)]
    return kind, _numbered(pair, traps[kind])


def test_exact_by_identifier_is_right_in_99_of_100_even_with_traps_of_every_kind() -> None:
    """The lower bound is Clopper and Pearson's, one-sided, 95 %; every pair that is not exact sets a trap."""
    n_right = n_claimed = 0
    n_traps: Counter[str] = Counter()
    for number, sample in enumerate(generate(World.TRAIN, N_PAIRS, seed=5)):
        truth = sample.rationale.relation
        kind, pair = _trapped(sample.pair, truth, number)
        n_traps[kind] += 1
        evidence = compare(pair)
        is_proved = any(atom.attribute == "gtin" and atom.verdict is Verdict.SAME for atom in evidence.atoms)
        assert not (is_proved and kind in {"case", "in-store", "coupon", "placeholder", "bad check digit"}), (kind, pair.id)
        if evidence.relation is Relation.EXACT and is_proved:
            n_claimed += 1
            n_right += truth is Relation.EXACT
    assert n_claimed >= 300
    assert beta.ppf(0.05, n_right, n_claimed - n_right + 1) >= 0.99
    assert min(n_traps[kind] for kind in TRAPS) >= 20, n_traps


def test_exact_by_identifier_holds_where_pairs_are_told_apart_by_nothing_else() -> None:
    """One number on both sides: packs, bundles and conditions under it, and in-store numbers on all other pairs."""
    n_right = n_claimed = 0
    for number, sample in enumerate(generate(World.TRAIN, N_PAIRS, seed=5)):
        truth = sample.rationale.relation
        is_plain = truth is Relation.EXACT or truth in MISUSED
        evidence = compare(_numbered(sample.pair, _gtin("400" if is_plain else "21", number)))
        by_identifier = any(atom.attribute == "gtin" and atom.verdict is Verdict.SAME for atom in evidence.atoms)
        if evidence.relation is Relation.EXACT and by_identifier:
            n_claimed += 1
            n_right += truth is Relation.EXACT
    assert n_claimed >= 300
    assert beta.ppf(0.05, n_right, n_claimed - n_right + 1) >= 0.99


def test_an_in_store_number_says_nothing() -> None:
    for number, sample in enumerate(generate(World.TRAIN, 100, seed=6)):
        plain, numbered = compare(sample.pair), compare(_numbered(sample.pair, _gtin("21", number)))
        if sample.pair.left.gtin is None and sample.pair.right.gtin is None:
            assert numbered.relation is plain.relation
            assert numbered.rationale.identifier.verdict is plain.rationale.identifier.verdict


ITEM = "4548736112001"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Tasse Eifel rund", "Steingut Becher Provence"),
        ("Velta casque audio sans fil WH1000", "Wireless headphones over ear noise"),
        ("Zorin Gehörschutz", "본체 전용 귀마개"),
    ],
)
def test_names_in_other_words_do_not_refute_an_equal_valid_number(left: str, right: str) -> None:
    pair = _numbered(Pair("p", Listing("l", left), Listing("r", right)), ITEM)

    assert compare(pair).relation is Relation.EXACT
    assert compare(_numbered(pair, "4548736112002")).relation is not Relation.EXACT, "the check digit is wrong"


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ({"brand": "Kolvra"}, {"brand": "Zelvane"}, Relation.DIFFERENT),
        ({"title": "Kettle Zephyr, 6 pcs"}, {}, Relation.OTHER_PACK),
        ({"title": "Kettle Zephyr refurbished"}, {}, Relation.CONDITION),
        ({"title": "Lid for Mosaic jug KX-120"}, {"title": "Mosaic jug KX-120"}, Relation.ACCESSORY_FOR),
    ],
)
def test_what_is_known_to_differ_speaks_against_an_equal_number(left: dict[str, str], right: dict[str, str], relation: Relation) -> None:
    sides = ({"title": "Kettle Zephyr", **left}, {"title": "Bouilloire Mosaic", **right})
    pair = Pair("p", *(Listing(name, **side) for name, side in zip("lr", sides, strict=True)))

    assert compare(_numbered(pair, ITEM)).relation is relation


def test_the_names_speak_where_two_known_brands_share_a_number() -> None:
    left, right = Listing("l", "Kettle Zephyr", brand="Kolvra"), Listing("r", "Bouilloire Mosaic", brand="Zelvane")
    pair = Pair("p", left, right)

    assert (
        compare(_numbered(pair, ITEM)).probability < compare(_numbered(Pair("p", left, replace(right, brand=None)), ITEM)).probability / 4
    )
