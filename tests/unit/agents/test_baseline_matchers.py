"""The prompt baselines: what each asks, what it takes for an answer, and where it refuses to be answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from epm.decision import Decision, Outcome
from epm.egress import EgressPolicy
from epm.errors import BudgetError, ConfigError, ErrorClass, ModelError
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.gateway.transports.rules import RulesTransport
from epm.identity import STRICT, load_identity_rule
from epm.matcher import MatchContext
from epm.matching import MatchCutError, decide_all, match
from epm.pair import Pair
from epm.prompts.identity_text import NO_RULE
from epm.registry import make_matcher
from epm.relation import Label

LINE = {"attribute": "model", "left": "KX-0", "right": "KX0", "verdict": "same"}
REPLIES: dict[str, dict[str, object]] = {
    "zero-shot": {"label": "match"},
    "cot": {"reasoning": "both are a KX-0", "label": "match"},
    "entity-attr": {"attributes": [LINE, {**LINE, "attribute": "colour", "left": None, "verdict": "unknown"}], "label": "match"},
    "reasoning": {"label": "match"},
    "select": {"choice": 1},
}
PAIRWISE = [name for name in REPLIES if name != "select"]
FREE = list(REPLIES)
Double = Callable[..., Any]


def without_rule(name: str) -> str:
    return f"{name}:no-rule"


@pytest.mark.parametrize("name", FREE)
def test_the_answer_is_the_decision_and_says_what_was_asked_and_what_it_took(model_double: Double, pairs: list[Pair], name: str) -> None:
    model = model_double(REPLIES[name])
    decisions = model.decide(name, pairs)
    assert [decision.pair_id for decision in decisions] == ["p0", "p1", "p2"]
    assert {(decision.label, decision.probability, decision.cost_usd) for decision in decisions} == {(Label.MATCH, None, 0.5)}
    assert decisions[0].latency_s > 0
    prompt = "baseline/zero_shot.v1" if name == "reasoning" else f"baseline/{name.replace('-', '_')}.v1"
    told = decisions[0].provenance
    assert (told["model"], told["prompt"], told["n_calls"]) == ("m", prompt, 1)
    assert (told["prompt_tokens"], told["completion_tokens"], told["reasoning_tokens"]) == (100, 40, 30)
    assert len(model.bodies) == 3


@pytest.mark.parametrize("name", PAIRWISE)
def test_what_a_baseline_was_answered_stays_with_its_decision(model_double: Double, pairs: list[Pair], name: str) -> None:
    assert model_double(REPLIES[name]).decide(name, pairs[:1])[0].provenance["reply"] == REPLIES[name]


@pytest.mark.parametrize("name", FREE)
def test_the_identity_rule_stands_in_the_prompt_unless_it_is_left_out(model_double: Double, pairs: list[Pair], name: str) -> None:
    model, rule = model_double(REPLIES[name]), load_identity_rule("per-unit")
    model.decide(name, pairs[:1], identity=rule)
    model.decide(without_rule(name), pairs[:1], identity=rule)
    with_it, without_it = model.sent()
    assert rule.statement in with_it
    assert "other_pack" in with_it
    assert NO_RULE not in with_it
    assert with_it.replace(with_it.split("same:\n")[1].split("\n\nThe listings")[0], NO_RULE) == without_it, "nothing else differs"


@pytest.mark.parametrize("name", FREE)
def test_both_variants_have_a_name_of_their_own_that_is_part_of_a_run(name: str) -> None:
    one, other = make_matcher(name), make_matcher(without_rule(name))
    assert one.name != other.name
    assert other.name.endswith("no-rule")
    assert make_matcher("reasoning:no-rule,low").name == make_matcher("reasoning:low,no-rule").name == "reasoning:low,no-rule"


@pytest.mark.parametrize(
    "spec", [f"{name}:loose" for name in FREE] + ["reasoning:high,low", "reasoning:high,high", "reasoning:,no-rule", "cot:"]
)
def test_a_variant_that_is_none_is_refused_with_those_that_are(spec: str) -> None:
    with pytest.raises(ConfigError, match=f"matcher '{spec.partition(':')[0]}' takes .*'no-rule'.* got '.*': write '"):
        make_matcher(spec)


@pytest.mark.parametrize(("spec", "effort"), [("reasoning", "medium"), ("reasoning:high", "high"), ("reasoning:low", "low")])
def test_the_effort_is_passed_to_the_model_and_no_temperature_beside_it(
    model_double: Double, pairs: list[Pair], spec: str, effort: str
) -> None:
    model = model_double({"label": "match"})
    [decided] = model.decide(spec, pairs[:1], model=ModelSettings("m", temperature=0.5))
    assert model.bodies[0]["reasoning_effort"] == decided.provenance["reasoning_effort"] == effort
    assert "temperature" not in model.bodies[0]
    model.decide("zero-shot", pairs[:1], model=ModelSettings("m", temperature=0.5))
    assert model.bodies[1]["temperature"] == 0.5
    assert "reasoning_effort" not in model.bodies[1]
    assert model.bodies[0]["messages"] == model.bodies[1]["messages"], "what is compared is the thinking alone"


@pytest.mark.parametrize("name", FREE)
def test_a_reply_that_does_not_fit_is_repaired_once(model_double: Double, pairs: list[Pair], name: str) -> None:
    model = model_double('{"surprise": 1}', REPLIES[name])
    (decision,) = model.decide(name, pairs[:1])
    assert (decision.outcome, decision.cost_usd, decision.provenance["n_calls"]) == (Outcome.DECIDED, 1.0, 2)


@pytest.mark.parametrize("name", FREE)
def test_a_reply_that_never_fits_is_a_failed_record_with_its_cost_and_no_label(model_double: Double, pairs: list[Pair], name: str) -> None:
    (decision,) = model_double('{"surprise": 1}').decide(name, pairs[:1])
    assert (decision.outcome, decision.label, decision.error_class) == (Outcome.FAILED, None, ErrorClass.INVALID_STRUCTURE)
    assert (decision.cost_usd, decision.provenance["reasoning_tokens"]) == (1.0, 60)


def test_a_failed_call_keeps_its_class_and_the_other_pairs_are_decided(model_double: Double, pairs: list[Pair]) -> None:
    model = model_double(ModelError("no", ErrorClass.CONTENT_FILTER), {"label": "no_match"})
    decisions = model.decide("zero-shot", pairs, concurrency=1)
    assert [decision.error_class for decision in decisions] == [ErrorClass.CONTENT_FILTER, None, None]


@pytest.mark.parametrize("name", FREE)
def test_gold_labels_and_bookkeeping_never_reach_the_model(model_double: Double, pairs: list[Pair], name: str) -> None:
    model, (pair, *_) = model_double(REPLIES[name]), pairs
    marked = replace(
        pair, gold_label=Label.MATCH, split="GOLDMARK", extras={"x": "GOLDMARK"}, left=replace(pair.left, cluster_id="GOLDMARK"),
        right=replace(pair.right, cluster_id="GOLDMARK"),
    )  # fmt: skip
    model.decide(name, [marked])
    model.decide(name, [replace(marked, gold_label=Label.NO_MATCH)])
    model.decide(name, [replace(marked, gold_label=None)])
    assert len({str(body) for body in model.bodies}) == 1
    assert "GOLDMARK" not in str(model.bodies)


@pytest.mark.parametrize("name", FREE)
def test_fields_that_may_not_leave_are_not_shown(model_double: Double, pairs: list[Pair], name: str) -> None:
    model, pair = model_double(REPLIES[name]), replace(pairs[0], left=replace(pairs[0].left, description="SECRET", brand="Kolvra"))
    model.decide(name, [pair], egress=EgressPolicy(fields=frozenset({"title"})))
    assert "SECRET" not in model.sent()[0]
    assert pair.left.title in model.sent()[0]


@pytest.mark.parametrize("name", FREE)
def test_the_rules_never_stand_in_for_a_model_and_nothing_is_asked(pairs: list[Pair], name: str) -> None:
    gateway = MeteredGateway(RulesTransport(), None)
    ctx = MatchContext(STRICT, gateway, ModelSettings("rules"))
    with pytest.raises(
        ConfigError, match=f"matcher '{make_matcher(name).name}' asks a free prompt, and the rules answer typed tasks .*--model"
    ):
        asyncio.run(make_matcher(name).decide(pairs, ctx))
    assert not gateway.log.calls  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FREE)
def test_without_a_model_it_says_how_to_name_one(pairs: list[Pair], name: str) -> None:
    with pytest.raises(ConfigError, match="asks a model, and none is named: give --model NAME"):
        match(pairs, name)
    with pytest.raises(ConfigError, match="was given no gateway"):
        asyncio.run(make_matcher(name).decide(pairs, MatchContext(model=ModelSettings("m"))))


def test_a_model_that_takes_no_effort_is_refused_for_that_row_alone(model_double: Double, pairs: list[Pair]) -> None:
    model = model_double({"label": "match"})
    model.takes_effort = False
    with pytest.raises(ConfigError, match="matcher 'reasoning:high' sets a reasoning effort, and model 'm' takes none"):
        model.decide("reasoning:high", pairs)
    assert model.bodies == []
    assert model.decide("zero-shot", pairs)[0].label is Label.MATCH


def test_a_cap_that_cuts_a_batch_loses_no_decision(model_double: Double, pairs: list[Pair]) -> None:
    def cut(_: str) -> object:
        raise BudgetError("the cap is reached")

    gateway = MeteredGateway(model_double({"label": "match"}, {"label": "no_match"}, cut), None)
    ctx = MatchContext(STRICT, gateway, ModelSettings("m"), concurrency=1)
    with pytest.raises(MatchCutError) as caught:
        asyncio.run(decide_all(make_matcher("zero-shot"), pairs, ctx))
    kept: tuple[Decision, ...] = caught.value.result.decisions
    assert [(decision.pair_id, decision.label) for decision in kept] == [("p0", Label.MATCH), ("p1", Label.NO_MATCH)]
