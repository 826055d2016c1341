"""What holds for every choice: as many as wanted, each once, none near another, whatever the order and the labels of the candidates."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from epm.decision import Decision, Outcome
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.relation import Label
from epm.selection.choosing import NEAR_DUPLICATE, pair_vectors
from epm.selection.policy import SelectionPolicy, Signal
from epm.selection.selection import AT_RANDOM, BY_SCORE, select

WORDS = st.sampled_from(["kolvra", "KX-120", "kettle", "1.7l", "drill", "lamp", "grün", "전기", "\u200b", "x", "for", "2x"])
TITLES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join) | st.text(min_size=1, max_size=15)
CANDIDATES = st.lists(st.tuples(TITLES, TITLES, st.sampled_from([None, 0.0, 0.2, 0.5, 0.51, 1.0])), min_size=4, max_size=24)
WEIGHTS = st.fixed_dictionaries({signal: st.sampled_from([0.0, 0.5, 1.0]) for signal in (Signal.DISAGREEMENT, Signal.DIVERSITY)})


@dataclass
class Said:
    """Says what the candidate's extras hold, turned round if it is the ``contrary`` one."""

    said: dict[str, float | None]
    name: str

    version = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        return [self._one(pair.id) for pair in batch]

    def _one(self, pair_id: str) -> Decision:
        probability = self.said[pair_id]
        if probability is None:
            return Decision(pair_id, Outcome.ABSTAINED)
        label = Label.MATCH if probability >= 0.5 else Label.NO_MATCH
        return Decision(pair_id, Outcome.DECIDED, label=label, probability=probability)


def candidates(drawn: list[tuple[str, str, float | None]]) -> tuple[list[Pair], list[Said]]:
    pairs = [Pair(f"p{i}", Listing(f"l{i}", left), Listing(f"r{i}", right)) for i, (left, right, _) in enumerate(drawn)]
    said = {f"p{i}": probability for i, (_, _, probability) in enumerate(drawn)}
    graded: dict[str, float | None] = {**said, "p0": 0.6}
    return pairs, [Said(graded, "one"), Said({i: None if p is None else 1 - p for i, p in said.items()}, "other")]


@settings(max_examples=80)
@given(CANDIDATES, WEIGHTS, st.integers(0, 5), st.sampled_from([0.0, 0.3, 1.0]), st.randoms(use_true_random=False))
def test_a_choice_has_its_size_and_does_not_depend_on_order_or_labels(
    drawn: list[tuple[str, str, float | None]], weights: dict[Signal, float], seed: int, share: float, rng: random.Random
) -> None:
    pairs, matchers = candidates(drawn)
    policy = SelectionPolicy(max(1, len(pairs) // 2), {Signal.UNCERTAINTY: 1.0, **weights}, random_share=share, seed=seed)
    found = select(pairs, policy, matchers=matchers)
    ids = [one.pair.id for one in found.chosen]
    assert len(ids) == len(set(ids)) <= policy.n
    assert len(ids) == policy.n or found.n_near_duplicates
    assert sum(one.by == AT_RANDOM for one in found.chosen) == policy.n_random
    scores = [one.score for one in found.chosen if one.by == BY_SCORE]
    assert scores == sorted(scores, reverse=True)
    assert all(-1e-9 <= value <= 1 + 1e-9 for one in found.chosen for value in (one.score, *one.signals.values()))
    labelled = [replace(pair, gold_label=rng.choice(list(Label)), left=replace(pair.left, cluster_id=rng.choice("ab"))) for pair in pairs]
    rng.shuffle(labelled)
    again = select(labelled, policy, matchers=matchers)
    assert [(one.pair.id, one.reason, one.score) for one in again.chosen] == [(one.pair.id, one.reason, one.score) for one in found.chosen]


@settings(max_examples=80)
@given(CANDIDATES)
def test_where_diversity_counts_no_two_pairs_chosen_by_score_are_near_duplicates(drawn: list[tuple[str, str, float | None]]) -> None:
    pairs, matchers = candidates(drawn)
    policy = SelectionPolicy(len(pairs) - 1, {Signal.UNCERTAINTY: 1.0, Signal.DIVERSITY: 0.5}, random_share=0.0)
    vectors = pair_vectors([one.pair for one in select(pairs, policy, matchers=matchers).chosen])
    likeness = vectors @ vectors.T - np.eye(len(vectors))
    assert (likeness < NEAR_DUPLICATE + 1e-4).all()
