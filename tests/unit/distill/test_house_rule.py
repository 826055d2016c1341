import random

import pytest

from epm.distill.house_rule import DEBATABLE, under_random_rule
from epm.rationale import AxisFinding, Rationale, Verdict
from epm.relation import Label, Relation


def rationale(relation: Relation) -> Rationale:
    label = {Relation.EXACT: Label.MATCH, Relation.UNDECIDABLE: None}.get(relation, Label.NO_MATCH)
    silent = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
    factor = 2 if relation is Relation.OTHER_PACK else None
    return Rationale(core=silent, identifier=silent, variant=silent, relation=relation, factor=factor, label=label)


@pytest.mark.parametrize("relation", sorted(set(Relation) - DEBATABLE))
def test_no_rule_debates_exact_different_accessory_or_undecidable_pairs(relation: Relation) -> None:
    told = rationale(relation)
    assert under_random_rule(told, random.Random(1), accept_chance=1.0) == told


@pytest.mark.parametrize("relation", sorted(DEBATABLE))
def test_a_debatable_relation_is_accepted_as_often_as_asked_and_nothing_else_changes(relation: Relation) -> None:
    rng, told = random.Random(2), rationale(relation)
    drawn = [under_random_rule(told, rng, accept_chance=0.5) for _ in range(400)]
    assert 160 < sum(one.label is Label.MATCH for one in drawn) < 240
    assert {one.model_copy(update={"label": told.label}) for one in drawn} == {told}


def test_without_a_chance_labels_stay_strict() -> None:
    told = rationale(Relation.VARIANT)
    assert under_random_rule(told, random.Random(3), accept_chance=0.0).label is Label.NO_MATCH
