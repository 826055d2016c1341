"""Undecided pairs count as non-match and lower coverage; undefined figures are None; thresholds follow one rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from epm.decision import Decision, Outcome
from epm.errors import DataError
from epm.eval.metrics import average_precision, choose_threshold, measure, outcomes, recall_at_precision
from epm.pair import Pair
from epm.relation import Label

MATCH, NO_MATCH = Label.MATCH, Label.NO_MATCH


def test_figures_equal_those_counted_by_hand(pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]) -> None:
    golds = [MATCH, MATCH, MATCH, NO_MATCH, NO_MATCH]
    says = [MATCH, MATCH, NO_MATCH, MATCH, NO_MATCH]
    pairs = [pair_of(i, gold) for i, gold in enumerate(golds)]
    found = measure(outcomes(pairs, [decision_of(p, label) for p, label in zip(pairs, says, strict=True)]))
    assert (found.n, found.positives, found.precision, found.recall, found.f1) == (5, 3, 2 / 3, 2 / 3, 2 / 3)
    assert (found.accuracy, found.coverage, found.n_failed, found.auprc, found.recall_at_p99) == (3 / 5, 1.0, 0, None, None)


def test_a_failed_and_an_abstained_pair_count_as_non_match_and_lower_coverage(
    pair_of: Callable[..., Pair],
    decision_of: Callable[..., Decision],
    failed_decision: Callable[[Pair], Decision],
    abstained_decision: Callable[[Pair], Decision],
) -> None:
    pairs = [pair_of(0, MATCH), pair_of(1, MATCH), pair_of(2, MATCH), pair_of(3, NO_MATCH)]
    decisions = [
        decision_of(pairs[0], MATCH, 0.9),
        failed_decision(pairs[1]),
        abstained_decision(pairs[2]),
        decision_of(pairs[3], NO_MATCH, 0.1),
    ]
    found = measure(outcomes(pairs, decisions))
    assert (found.recall, found.precision, found.accuracy) == (1 / 3, 1.0, 0.5)
    assert (found.coverage, found.n_failed) == (0.5, 1)


def test_an_abstention_keeps_no_score_even_when_it_came_with_one(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision], abstained_decision: Callable[[Pair], Decision]
) -> None:
    pairs = [pair_of(0, MATCH), pair_of(1, MATCH)]
    seen = outcomes(pairs, [decision_of(pairs[0], MATCH, 0.8), abstained_decision(pairs[1])])
    assert seen.scores is not None
    assert seen.scores.tolist() == [0.8, 0.0]
    assert not seen.at_threshold(0.0).predicted[1]


def test_figures_without_a_meaning_are_none(pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]) -> None:
    pairs = [pair_of(0, NO_MATCH)]
    found = measure(outcomes(pairs, [decision_of(pairs[0], NO_MATCH, 0.1)]))
    assert (found.precision, found.recall, found.f1, found.auprc, found.recall_at_p99) == (None, None, None, None, None)
    assert measure(outcomes([], [])).accuracy is None


def test_scores_are_none_when_one_decided_pair_has_none(pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]) -> None:
    pairs = [pair_of(0, MATCH), pair_of(1, NO_MATCH)]
    assert outcomes(pairs, [decision_of(pairs[0], MATCH, 0.9), decision_of(pairs[1], NO_MATCH)]).scores is None


def test_probabilities_that_only_repeat_the_labels_are_no_scores(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]
) -> None:
    pairs = [pair_of(0, MATCH), pair_of(1, NO_MATCH)]
    assert outcomes(pairs, [decision_of(pairs[0], MATCH, 1.0), decision_of(pairs[1], NO_MATCH, 0.0)]).scores is None
    assert outcomes(pairs, [decision_of(pairs[0], MATCH, 1.0), decision_of(pairs[1], MATCH, 0.0)]).scores is not None


def test_average_precision_equals_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(3)
    gold, scores = rng.random(400) < 0.3, np.round(rng.random(400), 1)
    assert average_precision(gold, scores) == pytest.approx(average_precision_score(gold, scores))


def test_recall_at_precision_takes_the_widest_threshold_that_keeps_it() -> None:
    gold = np.array([True] * 50 + [False] + [True] * 49 + [False] * 30)
    scores = np.linspace(1, 0, gold.size)
    assert recall_at_precision(gold, scores, 0.98) == pytest.approx(1.0)
    assert recall_at_precision(gold, scores, 0.995) == pytest.approx(50 / 99)
    assert recall_at_precision(np.array([False, True]), np.array([0.9, 0.1]), 0.99) == 0.0


def test_the_threshold_has_the_best_f1_and_ties_go_to_fewer_matches(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]
) -> None:
    golds = [MATCH, NO_MATCH, MATCH, NO_MATCH]
    pairs = [pair_of(i, gold) for i, gold in enumerate(golds)]
    scores = [0.9, 0.7, 0.6, 0.2]
    threshold = choose_threshold(outcomes(pairs, [decision_of(p, MATCH, s) for p, s in zip(pairs, scores, strict=True)]))
    assert threshold == pytest.approx(0.4)  # all three above .2: F1 .8; half-way between .6 and .2
    tied = [pair_of(i, gold) for i, gold in enumerate([MATCH, NO_MATCH, NO_MATCH, MATCH])]
    chosen = choose_threshold(outcomes(tied, [decision_of(p, MATCH, s) for p, s in zip(tied, [0.9, 0.8, 0.7, 0.6], strict=True)]))
    assert chosen == pytest.approx(0.85)  # F1 2/3 at one match and at four: the higher threshold


def test_a_threshold_counts_undecided_positives_as_missed(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision], failed_decision: Callable[[Pair], Decision]
) -> None:
    pairs = [pair_of(i, gold) for i, gold in enumerate([MATCH, NO_MATCH, NO_MATCH, MATCH, *[MATCH] * 4])]
    scored = [decision_of(p, MATCH, s) for p, s in zip(pairs[:4], [0.9, 0.8, 0.7, 0.6], strict=True)]
    assert choose_threshold(outcomes(pairs[:4], scored)) == pytest.approx(0.85)
    # with four matches missed anyway, F1 is 2/7 at one predicted match and 4/10 at four
    assert choose_threshold(outcomes(pairs, [*scored, *map(failed_decision, pairs[4:])])) == pytest.approx(0.6)


def test_no_threshold_without_scores_and_an_error_without_matches(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]
) -> None:
    pair = pair_of(0, NO_MATCH)
    assert choose_threshold(outcomes([pair], [decision_of(pair, NO_MATCH)])) is None
    with pytest.raises(DataError, match="no threshold can be chosen on 1 validation pairs"):
        choose_threshold(outcomes([pair], [decision_of(pair, NO_MATCH, 0.1)]))


def test_decisions_in_another_order_are_refused(pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]) -> None:
    pairs = [pair_of(0), pair_of(1)]
    with pytest.raises(ValueError, match="one to one and in order"):
        outcomes(pairs, [decision_of(p, MATCH) for p in reversed(pairs)])


def test_an_undecided_decision_has_no_label_to_count() -> None:
    with pytest.raises(ValueError, match="outcome 'abstained' with label"):
        Decision("p", Outcome.ABSTAINED, label=MATCH)
