from __future__ import annotations

import asyncio
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from epm.evidence.entailment import entailment_problems, quote_problems
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matchers.evidence_features import FEATURES, feature_matrix, read_pair
from epm.matchers.evidence_fitting import fit
from epm.matchers.evidence_model import EvidenceModelMatcher
from epm.matchers.pair_model import PairModel
from epm.pair import Pair
from epm.sample import World, generate

LISTINGS = st.from_type(Listing)


@cache
def _model() -> PairModel:
    return fit([one.pair for one in generate(World.TRAIN, 160, seed=3)], n_folds=3).model


@settings(max_examples=150, deadline=None)
@given(LISTINGS, LISTINGS)
def test_swapped_sides_have_the_same_features_to_the_last_bit(left: Listing, right: Listing) -> None:
    pair = Pair("p", left, right)
    both = [pair, pair.swapped()]
    rows = feature_matrix(both, [read_pair(one) for one in both], _model().words)

    assert [name for name, a, b in zip(FEATURES, *rows, strict=True) if a != b] == []
    assert np.all(np.isfinite(rows))


@settings(max_examples=100, deadline=None)
@given(LISTINGS, LISTINGS)
def test_swapped_sides_have_the_same_probability_and_every_rationale_is_sound(left: Listing, right: Listing) -> None:
    pair = Pair("p", left, right)
    matcher = EvidenceModelMatcher(_model(), "v", "e")
    one, other = asyncio.run(matcher.decide([pair, pair.swapped()], MatchContext()))

    assert one.probability == other.probability
    assert one.probability is not None
    assert 0.0 < one.probability < 1.0
    assert (one.label, one.relation, one.factor) == (other.label, other.relation, other.factor)
    assert one.rationale is not None
    assert one.rationale.label is one.label
    assert entailment_problems(one.rationale) == ()
    assert quote_problems(one.rationale, left.texts(), right.texts()) == ()
