"""Pairs and rationales for the student's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation


@pytest.fixture
def pair() -> Pair:
    left = Listing("l1", "Kolvra KX-120 kettle black", brand="Kolvra", cluster_id="c1")
    right = Listing("r1", "Kettle KOLVRA KX-120", cluster_id="c2")
    return Pair("p1", left, right, gold_label=Label.MATCH, relation=Relation.EXACT)


@pytest.fixture
def rationale_of() -> Callable[[Relation], Rationale]:
    def make(relation: Relation) -> Rationale:
        label = {Relation.EXACT: Label.MATCH, Relation.UNDECIDABLE: None}.get(relation, Label.NO_MATCH)
        same = Comparison(attribute="model", left="KX-120", right="KX-120", verdict=Verdict.SAME)
        silent = Comparison(attribute="colour", left="black", right=None, verdict=Verdict.UNKNOWN)
        return Rationale(
            core=AxisFinding(comparisons=(same,), verdict=Verdict.SAME),
            identifier=AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN),
            variant=AxisFinding(comparisons=(silent,), verdict=Verdict.UNKNOWN),
            relation=relation,
            factor=6 if relation is Relation.OTHER_PACK else None,
            label=label,
        )

    return make
