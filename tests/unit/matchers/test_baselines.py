from __future__ import annotations

import asyncio

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ConfigError
from epm.listing import Listing
from epm.matcher import MatchContext, Tunable
from epm.matchers.model_token import TokenCase, model_tokens, token_case
from epm.matchers.operating_point import best_threshold, best_thresholds, f1_of_counts, rescaled
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label

MATCH, NO_MATCH = Label.MATCH, Label.NO_MATCH
PAIRS = [
    Pair("1", Listing("a", "Kolvra KX-120 kettle black"), Listing("b", "KOLVRA KX120 kettle, black"), MATCH),
    Pair("2", Listing("a", "Kolvra KX-120 kettle black"), Listing("c", "Kolvra KX-130 kettle black"), NO_MATCH),
    Pair("3", Listing("d", "Zorin N-7710 drill 18V"), Listing("e", "Zorin cordless drill N7710"), MATCH),
    Pair("4", Listing("d", "Zorin N-7710 drill 18V"), Listing("f", "Velta sparkling water"), NO_MATCH),
    Pair("5", Listing("g", "Velta still water glass"), Listing("h", "Velta still water, glass"), MATCH),
    Pair("6", Listing("g", "Velta still water glass"), Listing("i", "Ostrell desk lamp"), NO_MATCH),
]


def decide(name: str, pairs: list[Pair], *, valid: list[Pair] | None = None) -> list[Decision]:
    matcher = make_matcher(name)
    if valid is not None:
        assert isinstance(matcher, Tunable)
        matcher = matcher.tuned(valid)
    return asyncio.run(matcher.decide(pairs, MatchContext()))


@pytest.mark.parametrize("name", ["tfidf", "model-token", "evidence-rules"])
def test_a_tuned_matcher_puts_its_threshold_at_one_half(name: str) -> None:
    decisions = decide(name, PAIRS, valid=PAIRS)

    assert [d.pair_id for d in decisions] == ["1", "2", "3", "4", "5", "6"]
    assert all(((d.probability or 0.0) >= 0.5) is (d.label is MATCH) for d in decisions)


@pytest.mark.parametrize("name", ["model-token", "evidence-rules"])
def test_a_tuned_matcher_that_reads_codes_solves_its_own_pairs(name: str) -> None:
    assert [d.label for d in decide(name, PAIRS, valid=PAIRS)] == [p.gold_label for p in PAIRS]


@pytest.mark.parametrize("name", ["tfidf", "model-token", "evidence-rules"])
def test_an_empty_batch_and_empty_titles_are_decided(name: str) -> None:
    assert decide(name, []) == []
    (decision,) = decide(name, [Pair("p", Listing("a", ""), Listing("b", ""))])
    assert decision.label is not MATCH


@pytest.mark.parametrize("name", ["tfidf", "model-token", "evidence-rules"])
def test_an_argument_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no argument"):
        make_matcher(f"{name}:x")


def test_tfidf_answers_do_not_depend_on_the_batch_once_tuned() -> None:
    alone = [decide("tfidf", [pair], valid=PAIRS)[0].probability for pair in PAIRS]

    assert [d.probability for d in decide("tfidf", PAIRS, valid=PAIRS)] == pytest.approx(alone)


def test_evidence_rules_decide_with_a_rationale_and_abstain_without_evidence() -> None:
    decided, abstained = decide("evidence-rules", [PAIRS[0], Pair("p", Listing("a", "!!!"), Listing("b", "?"))])

    assert decided.rationale is not None
    assert decided.rationale.label is decided.label is MATCH
    assert abstained.outcome is Outcome.ABSTAINED
    assert abstained.label is None


def test_model_tokens_are_codes_and_no_measures() -> None:
    assert model_tokens(Listing("a", "Kolvra KX-120 500ml 1080p drill (N-7710)", mpn="MB598LL/A")) == {"kx120", "n7710", "mb598lla"}


def test_a_contained_code_counts_as_shared() -> None:
    assert token_case(frozenset({"ver97185a"}), frozenset({"97185a"})) is TokenCase.SHARED
    assert token_case(frozenset({"kx120"}), frozenset({"kx130"})) is TokenCase.NONE_SHARED
    assert token_case(frozenset(), frozenset({"kx130"})) is TokenCase.MISSING


def test_the_best_threshold_lies_half_way_between_the_scores_it_parts() -> None:
    # F1 by hand: >= 0.9: 2/3, >= 0.8: 2/4 ... the three highest give 2*2/(3+2) = 0.8
    assert best_threshold([0.9, 0.8, 0.7, 0.1], [True, False, True, False]) == pytest.approx(0.4)
    assert best_threshold([0.9, 0.2], [False, False]) > 1.0


def test_thresholds_of_cases_are_chosen_together() -> None:
    scores, cases = [0.9, 0.8, 0.6, 0.5], ["a", "a", "b", "b"]
    chosen = best_thresholds(scores, cases, [True, True, False, False], start={"a": 0.95, "b": 0.1})

    assert chosen["a"] <= 0.8
    assert chosen["b"] > 0.6


def test_rescaling_is_monotone_and_puts_the_threshold_at_one_half() -> None:
    values = [rescaled(score / 10, 0.3) for score in range(11)]

    assert values == sorted(values)
    assert rescaled(0.3, 0.3) == 0.5
    assert rescaled(0.2999, 0.3) < 0.5
    assert rescaled(1.0, 10.0) < 0.5
    assert (values[0], values[-1]) == (0.0, 1.0)


def test_f1_from_counts() -> None:
    assert f1_of_counts(3, 1, 5) == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert f1_of_counts(0, 0, 0) == 0.0
