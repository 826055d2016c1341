"""Recall measured on a stream of pairs: ours by entity and attribute, Q2K's by one vector for a pair."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from epm.agents.context import TeacherContext
from epm.agents.research_loop import Research
from epm.agents.schemas import Question
from epm.agents.state import Answer
from epm.eval.intervals import TwoWay
from epm.eval.recall_ways import Cosine, Keyed, RecallWay, answered_by_assumption
from epm.eval.retrieval import Stream, measure_retrieval
from epm.eval.retrieval_figures import RetrievalReport, recall_differences, recall_figures
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.gateway.transports.rules import RulesTransport
from epm.knowledge.embedder import HashEmbedder, RememberingEmbedder
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label


def open_pair(number: int, model: str, cluster: str) -> Pair:
    """A pair whose right side leaves the colour open."""
    left = Listing(f"l{number}", f"Kolvra {model} kettle 1.7 l black", brand="Kolvra", cluster_id=cluster)
    right = Listing(f"r{number}", f"Kolvra {model} kettle 1.7 l no {number}", brand="Kolvra", cluster_id=cluster)
    return Pair(f"p{number}", left, right, gold_label=Label.MATCH)


PAIRS = [open_pair(1, "KX-120", "a"), open_pair(2, "KX-130", "b"), open_pair(3, "KX-120", "a"), open_pair(4, "KX-130", "b")]


def measured(pairs: Sequence[Pair], *ways: RecallWay) -> RetrievalReport:
    gateway = MeteredGateway(RulesTransport(), None)
    stream = Stream(pairs, gateway, ModelSettings("rules"), RememberingEmbedder(HashEmbedder(128)))
    return asyncio.run(measure_retrieval(stream, ways, n_resamples=50))


def test_the_keyed_way_uses_an_answer_again_for_the_same_product_and_attribute_only() -> None:
    [keyed] = measured(PAIRS, Keyed(answered_by_assumption)).ways
    assert (keyed.n_pairs, keyed.n_questions, keyed.n_reused, keyed.n_right, keyed.n_wrong) == (4, 4, 2, 2, 0)
    assert (keyed.n_searches, keyed.searches_per_pair.value, keyed.reuse.value, keyed.precision.value) == (2, 0.5, 0.5, 1.0)


@pytest.mark.parametrize("is_gated", [True, False])
def test_q2k_takes_a_sister_model_s_answer_because_its_text_is_near(is_gated: bool) -> None:
    [q2k] = measured(PAIRS, Cosine(answered_by_assumption, is_gated=is_gated)).ways
    assert (q2k.n_reused, q2k.n_searches) == (3, 1)
    assert q2k.n_wrong >= 2  # pairs 2 and 4 are answered by what was found out for pair 1


def test_every_way_answers_the_same_questions_in_the_same_order_from_an_index_of_its_own() -> None:
    alone = [measured(PAIRS, way).ways[0] for way in (Keyed(answered_by_assumption), Cosine(answered_by_assumption))]
    together = measured(PAIRS, Keyed(answered_by_assumption), Cosine(answered_by_assumption))
    assert list(together.ways) == alone
    assert together.differences["q2k"]["searches_per_pair"].value == pytest.approx(0.25)


def test_an_answer_is_right_only_where_gold_calls_the_products_one_and_unjudged_where_it_is_silent() -> None:
    unlabelled = [replace(p, gold_label=None, **{s: replace(getattr(p, s), cluster_id=None) for s in ("left", "right")}) for p in PAIRS]
    [keyed] = measured(unlabelled, Keyed(answered_by_assumption)).ways
    assert (keyed.n_reused, keyed.n_right, keyed.n_wrong, keyed.n_unjudged) == (2, 0, 0, 2)
    assert (keyed.precision.value, keyed.precision.ci95) == (None, None)
    other = [PAIRS[0], open_pair(3, "KX-120", "another")]
    [keyed] = measured(other, Keyed(answered_by_assumption)).ways
    assert (keyed.n_right, keyed.n_wrong) == (0, 1)


def test_no_way_is_shown_gold_labels_or_clusters() -> None:
    seen: list[tuple[Pair, Question]] = []

    async def spying(question: Question, pair: Pair, context: TeacherContext) -> Research:
        seen.append((pair, question))
        return Research(Answer(question, "found", (), "researched"), ("find_rivals",))

    measured(PAIRS, Keyed(spying), Cosine(spying))
    assert seen
    assert all((pair.gold_label, pair.left.cluster_id, pair.right.cluster_id) == (None, None, None) for pair, _ in seen)


def test_rates_are_ratios_of_sums_and_unjudged_reuses_are_in_no_precision() -> None:
    rows = np.array([[1, 2, 2, 1, 0, 3, 100], [1, 2, 1, 0, 1, 1, 50]], dtype=np.float64)
    plan = TwoWay(["a", "b"], ["c", "d"], 20, 0)
    found = recall_figures("w", rows, plan)
    assert (found.n_unjudged, found.reuse.value, found.precision.value) == (1, 0.75, 0.5)
    assert (found.searches_per_pair.value, found.tokens_per_pair.value) == (2.0, 75.0)
    same = recall_differences(rows, rows, plan)
    assert all(difference.value == 0.0 and difference.ci95 in {None, (0.0, 0.0)} for difference in same.values())
