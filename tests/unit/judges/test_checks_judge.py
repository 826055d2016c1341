"""``checks`` passes sound rationales and finds each kind of lie on the axis where it is told."""

from __future__ import annotations

import asyncio

import pytest

from epm.errors import ConfigError
from epm.identity import FAMILY, STRICT
from epm.judge import JudgeContext
from epm.judgement import Judgement
from epm.judges.checks import find_faults, make
from epm.judges.plausibility import Likeness, compare_quotes
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation

LEFT = Listing("l", "Kolvra KX-120 kettle black 1.7 l", brand="Kolvra", gtin="4006381333931", mpn="KX-120")
RIGHT = Listing("r", "Kettle Kolvra KX120, white, 1,7 Liter", brand="KOLVRA", gtin="4006381333931")
PAIR = Pair("p", LEFT, RIGHT, gold_label=Label.MATCH)


def cell(attribute: str, left: str | None, right: str | None, verdict: str) -> Comparison:
    return Comparison(attribute=attribute, left=left, right=right, verdict=Verdict(verdict))


def finding(verdict: str, *cells: Comparison) -> AxisFinding:
    return AxisFinding(comparisons=cells, verdict=Verdict(verdict))


SOUND = Rationale(
    core=finding("same", cell("brand", "Kolvra", "KOLVRA", "same"), cell("model", "KX-120", "KX120", "same")),
    identifier=finding("same", cell("gtin", "4006381333931", "4006381333931", "same")),
    variant=finding("different", cell("colour", "black", "white", "different"), cell("capacity", "1.7 l", "1,7 Liter", "same")),
    relation=Relation.VARIANT,
    label=Label.NO_MATCH,
)


def judged(rationale: Rationale, pair: Pair = PAIR) -> Judgement:
    return asyncio.run(make(None).score([(pair, rationale)], JudgeContext()))[0]


def scores(rationale: Rationale, pair: Pair = PAIR) -> tuple[float | None, ...]:
    return tuple(judged(rationale, pair).score(axis) for axis in Axis)


def changed(axis: Axis, replacement: AxisFinding) -> Rationale:
    return SOUND.model_copy(update={axis.value: replacement})


def test_a_sound_rationale_is_sound_on_every_axis() -> None:
    judgement = judged(SOUND)
    assert [(s.score, s.level, s.reason) for s in judgement.scores] == [(1.0, "sound", "no fault found")] * 3
    assert (judgement.pair_id, judgement.rationale_sha) == ("p", SOUND.sha())


def test_a_quote_that_no_listing_says_spoils_its_axis_only() -> None:
    lie = changed(
        Axis.IDENTIFIER, finding("same", cell("gtin", "4006381333948", "4006381333931", "unknown"), cell("mpn", "KX-120", "KX120", "same"))
    )
    assert scores(lie) == (1.0, 0.0, 1.0)


def test_quotes_on_the_wrong_side_are_found() -> None:
    lie = changed(
        Axis.VARIANT, finding("different", cell("colour", "white", "black", "different"), cell("capacity", "1.7 l", "1,7 Liter", "same"))
    )
    assert scores(lie) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "attribute_left_right_verdict",
    [("model", "KX-120", "KX120", "different"), ("capacity", "1.7 l", "1,7 Liter", "different")],
)
def test_equal_values_called_different_are_found(attribute_left_right_verdict: tuple[str, str, str, str]) -> None:
    axis = Axis.CORE if attribute_left_right_verdict[0] == "model" else Axis.VARIANT
    faults = find_faults(PAIR, changed(axis, finding("different", cell(*attribute_left_right_verdict))), STRICT)
    assert ("verdicts", axis, "unsound") in {(fault.check, fault.axis, fault.level) for fault in faults}


def test_other_codes_called_same_are_found() -> None:
    pair = Pair("p", LEFT, Listing("r", "Kolvra KX-130 kettle"))
    lie = changed(Axis.CORE, finding("same", cell("model", "KX-120", "KX-130", "same")))
    assert scores(lie, pair)[0] == 0.0


def test_a_colour_read_as_another_colour_costs_half_when_called_same() -> None:
    lie = SOUND.model_copy(
        update={
            "variant": finding("same", cell("colour", "black", "white", "same"), cell("capacity", "1.7 l", "1,7 Liter", "same")),
            "relation": Relation.EXACT,
            "label": Label.MATCH,
        }
    )
    assert scores(lie) == (1.0, 1.0, 0.5)


def test_a_code_with_a_wrong_check_digit_proves_nothing() -> None:
    pair = Pair("p", Listing("l", "Kolvra KX-120", gtin="4006381333932"), Listing("r", "Kolvra KX-120", gtin="4006381333932"))
    rationale = Rationale(
        core=finding("same", cell("brand", "Kolvra", "Kolvra", "same"), cell("model", "KX-120", "KX-120", "same")),
        identifier=finding("same", cell("gtin", "4006381333932", "4006381333932", "same")),
        variant=finding("unknown"),
        relation=Relation.EXACT,
        label=Label.MATCH,
    )
    assert scores(rationale, pair) == (1.0, 0.5, 1.0)


def test_an_axis_verdict_that_its_cells_do_not_lead_to_is_found() -> None:
    lie = changed(Axis.IDENTIFIER, finding("unknown", cell("gtin", "4006381333931", "4006381333931", "same")))
    assert scores(lie) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("relation", "label", "expected"),
    [
        (Relation.VARIANT, Label.MATCH, (0.0, 0.0, 0.0)),  # the label does not follow
        (Relation.EXACT, Label.MATCH, (1.0, 1.0, 0.0)),  # a variant difference contradicts it
        (Relation.DIFFERENT, Label.NO_MATCH, (0.0, 1.0, 1.0)),  # nothing in core or identifier differs
        (Relation.CONDITION, Label.NO_MATCH, (0.0, 0.0, 0.0)),  # no cell speaks of the condition
        (Relation.OTHER_PACK, Label.NO_MATCH, (0.0, 0.0, 0.0)),
        (Relation.BUNDLE_OF, Label.NO_MATCH, (0.0, 0.0, 0.0)),
        (Relation.ACCESSORY_FOR, Label.NO_MATCH, (0.0, 0.0, 0.0)),
    ],
)
def test_a_relation_or_label_that_nothing_supports_is_found(relation: Relation, label: Label, expected: tuple[float, ...]) -> None:
    assert scores(SOUND.model_copy(update={"relation": relation, "label": label})) == expected


def test_the_label_is_held_against_the_identity_rule_of_the_run() -> None:
    accepted = SOUND.model_copy(update={"label": Label.MATCH})
    assert not find_faults(PAIR, accepted, FAMILY)
    assert find_faults(PAIR, accepted, STRICT)


def test_a_pack_known_from_one_side_alone_can_carry_other_pack() -> None:
    pair = Pair("p", Listing("l", "Kolvra tea"), Listing("r", "Kolvra tea 6er Pack"))
    rationale = Rationale(
        core=finding("same", cell("brand", "Kolvra", "Kolvra", "same"), cell("name", "tea", "tea", "same")),
        identifier=finding("unknown"),
        variant=finding("unknown", cell("pack", None, "6er Pack", "unknown")),
        relation=Relation.OTHER_PACK,
        factor=6,
        label=Label.NO_MATCH,
    )
    assert scores(rationale, pair) == (1.0, 1.0, 1.0)


def test_what_both_listings_state_and_the_rationale_leaves_out_costs_credit() -> None:
    assert scores(changed(Axis.IDENTIFIER, finding("unknown"))) == (1.0, 0.0, 1.0)
    half = changed(Axis.VARIANT, finding("different", cell("colour", "black", "white", "different")))
    assert scores(half) == (1.0, 1.0, 0.5)


def test_a_decided_pair_with_an_empty_core_is_unsound() -> None:
    assert scores(changed(Axis.CORE, finding("unknown")))[0] == 0.0


def test_the_case_of_attribute_names_and_the_order_of_cells_change_nothing() -> None:
    shouted = SOUND.model_copy(
        update={
            axis.value: AxisFinding(
                comparisons=tuple(
                    c.model_copy(update={"attribute": c.attribute.upper()}) for c in reversed(SOUND.finding(axis).comparisons)
                ),
                verdict=SOUND.finding(axis).verdict,
            )
            for axis in Axis
        }
    )
    assert scores(shouted) == (1.0, 1.0, 1.0)


def test_swapping_both_sides_of_pair_and_rationale_changes_nothing() -> None:
    assert scores(SOUND.swapped(), PAIR.swapped()) == scores(SOUND)


def test_the_gold_label_has_no_influence() -> None:
    assert judged(SOUND, Pair("p", LEFT, RIGHT, gold_label=Label.NO_MATCH)) == judged(SOUND, Pair("p", LEFT, RIGHT))


@pytest.mark.parametrize(
    ("attribute", "left", "right", "likeness"),
    [
        ("capacity", "0.5 L", "500 ml", Likeness.EQUAL),
        ("capacity", "1.5 l", "15 l", Likeness.UNEQUAL),
        ("capacity", "500 GB", "512 GB", Likeness.OPEN),
        ("gtin", "0036000291452", "036000291452", Likeness.EQUAL),
        ("gtin", "4006381333931", "4006381333948", Likeness.UNEQUAL),
        ("mpn", "T120.417.17", "T12041717", Likeness.EQUAL),
        ("model", "97185", "VER97185", Likeness.OPEN),
        ("colour", "grey", "grau", Likeness.OPEN),
        ("name", "Galaxy S21", "Galaxy S21+", Likeness.OPEN),
        ("brand", "HP", "Hewlett-Packard", Likeness.OPEN),
    ],
)
def test_quotes_are_compared_as_far_as_a_program_can_be_sure(attribute: str, left: str, right: str, likeness: Likeness) -> None:
    assert compare_quotes(attribute, left, right) is likeness
    assert compare_quotes(attribute, right, left) is likeness


def test_checks_takes_no_argument() -> None:
    with pytest.raises(ConfigError, match="no argument"):
        make("strict")
