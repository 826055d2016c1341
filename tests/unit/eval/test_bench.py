"""Bench rows: the contract's keys, the operating point, what is left out, and what the two sets share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from epm.decision import Decision
from epm.errors import ConfigError, DataError
from epm.eval.bench import BenchReport, bench, bench_matchers, matcher_label
from epm.eval.leakage import leakage
from epm.gateway.completion import completion_body
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, Usage
from epm.matcher import MatchContext, Matcher
from epm.pair import Pair
from epm.rationale import AxisFinding, Rationale, Verdict
from epm.relation import Label, Relation

MATCH, NO_MATCH = Label.MATCH, Label.NO_MATCH
KEYS = [
    "matcher", "n", "positives", "precision", "recall", "f1", "accuracy", "f1_ci95", "auprc", "recall_at_p99", "coverage", "n_failed",
    "threshold", "cost_usd", "pairs_per_s", "latency_s", "prompt_tokens", "completion_tokens", "reasoning_tokens", "n_cached",
]  # fmt: skip
EMPTY = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
EXACT = Rationale(core=EMPTY, identifier=EMPTY, variant=EMPTY, relation=Relation.EXACT, label=MATCH)


@pytest.fixture
def pairs(pair_of: Callable[..., Pair]) -> list[Pair]:
    return [pair_of(i, MATCH if i % 3 == 0 else NO_MATCH) for i in range(90)]


@pytest.fixture
def scores(pairs: list[Pair]) -> dict[str, float]:
    """Every match scores above every non-match, but all of them below .5."""
    return {p.id: 0.4 if p.gold_label is MATCH else 0.1 for p in pairs}


def run(pairs: list[Pair], matcher: Matcher, **more: object) -> BenchReport:
    return bench_matchers(pairs, [("score", matcher)], ctx=MatchContext(), **more)


def test_a_row_has_exactly_the_keys_of_the_contract_and_is_strict_json(
    pairs: list[Pair], scores: dict[str, float], score_matcher: Callable[..., Matcher]
) -> None:
    rows = run(pairs, score_matcher(scores)).to_json()["rows"]
    assert [list(row) for row in rows] == [KEYS]
    shown = json.loads(json.dumps(rows, allow_nan=False))[0]
    assert (shown["n"], shown["positives"], shown["precision"], shown["recall"]) == (90, 30, None, 0.0)
    assert (shown["auprc"], shown["threshold"]) == (1.0, "as-is")
    assert isinstance(shown["f1_ci95"], list)


def test_validation_pairs_set_the_threshold(pairs: list[Pair], scores: dict[str, float], score_matcher: Callable[..., Matcher]) -> None:
    row = run(pairs[:60], score_matcher(scores), valid=pairs[60:]).rows[0]
    assert row.threshold == pytest.approx(0.25)
    assert (row.f1, row.f1_ci95) == (1.0, (1.0, 1.0))


def test_a_tunable_matcher_is_tuned_on_the_validation_pairs_first(
    pairs: list[Pair], scores: dict[str, float], tunable_matcher: Callable[..., Matcher]
) -> None:
    row = run(pairs[:60], tunable_matcher(scores), valid=pairs[60:]).rows[0]
    assert row.threshold == pytest.approx(0.5)
    assert row.f1 == 1.0


@dataclass(frozen=True)
class LabelsOnly:
    name: str = "labels"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        await asyncio.sleep(0)
        return [Decision.from_rationale(p.id, EXACT) for p in batch]


def test_a_matcher_without_probabilities_stays_as_is(pairs: list[Pair]) -> None:
    row = run(pairs[:60], LabelsOnly(), valid=pairs[60:]).rows[0]
    assert (row.threshold, row.recall, row.auprc, row.recall_at_p99) == ("as-is", 1.0, None, None)


def test_pairs_without_gold_label_are_left_out_and_counted(
    pairs: list[Pair], scores: dict[str, float], score_matcher: Callable[..., Matcher]
) -> None:
    report = run([*pairs, replace(pairs[0], id="unlabelled", gold_label=None)], score_matcher(scores))
    assert (report.rows[0].n, report.n_unlabelled) == (90, 1)
    with pytest.raises(DataError, match="none of the 1 evaluation pairs has a gold label"):
        run([replace(pairs[0], gold_label=None)], score_matcher(scores))


def test_a_spec_that_cannot_be_made_stops_the_bench_before_anything_runs(pairs: list[Pair]) -> None:
    shown = []
    with pytest.raises(ConfigError, match="matcher 'no-such' is unknown"):
        bench(pairs, ["no-such"], ctx=MatchContext(), on_progress=shown.append)
    assert shown == []


@dataclass(frozen=True)
class Forgetful:
    name: str = "forgetful"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        return [Decision.from_rationale(p.id, EXACT) for p in batch[1:]]


def test_a_matcher_that_loses_a_pair_is_named(pairs: list[Pair]) -> None:
    with pytest.raises(ConfigError, match="'forgetful' returned 63 decisions for 64 pairs"):
        run(pairs, Forgetful())


@dataclass(frozen=True)
class Failing:
    failed: Callable[[Pair], Decision]
    name: str = "failing"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        return [self.failed(p) for p in batch]


def test_failures_are_counted_by_class_and_score_as_non_match(pairs: list[Pair], failed_decision: Callable[[Pair], Decision]) -> None:
    result = run(pairs, Failing(failed_decision)).results[0]
    assert (result.row.n_failed, result.row.coverage, result.row.recall, result.failures) == (90, 0.0, 0.0, {"timeout": 90})
    assert result.row.accuracy == pytest.approx(60 / 90)


def test_progress_counts_every_pair_of_every_stage(
    pairs: list[Pair], scores: dict[str, float], score_matcher: Callable[..., Matcher]
) -> None:
    events = []
    run(pairs[:60], score_matcher(scores), valid=pairs[60:], on_progress=events.append)
    ends = {event.stage: event.n_done for event in events}
    assert ends == {"score on valid": 30, "score": 60}


def test_bench_works_inside_a_running_event_loop(
    pairs: list[Pair], scores: dict[str, float], score_matcher: Callable[..., Matcher]
) -> None:
    async def notebook_cell() -> int:
        return run(pairs, score_matcher(scores)).rows[0].n

    assert asyncio.run(notebook_cell()) == 90


def test_the_model_is_named_where_the_spec_does_not_name_it() -> None:
    rules = ModelSettings("rules")
    assert matcher_label("multi-agent-rag", rules) == "multi-agent-rag[rules]"
    assert matcher_label("multi-agent-rag:gpt-4o", rules) == "multi-agent-rag:gpt-4o"
    assert matcher_label("tfidf", rules) == "tfidf"
    assert matcher_label("multi-agent-rag", None) == "multi-agent-rag[rules]"


def test_the_effort_is_named_so_that_two_rows_are_told_apart() -> None:
    hard = ModelSettings("openai/m", reasoning_effort="high")
    assert matcher_label("multi-agent-rag", hard) == "multi-agent-rag[openai/m, effort high]"
    assert matcher_label("multi-agent-rag:openai/m", hard) == "multi-agent-rag:openai/m[effort high]"
    assert matcher_label("zero-shot", hard) == "zero-shot[openai/m, effort high]"
    assert matcher_label("reasoning:low", hard) == "reasoning:low[openai/m]"
    assert matcher_label("tfidf", hard) == "tfidf"


class Thinking:
    """A server that thinks unseen for 30 of the 40 tokens that it writes."""

    name = identity = "thinking"

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        await asyncio.sleep(0)
        return ChatReply(completion_body("m", {"content": "ok"}), Usage(100, 40, 0, 30), "m", 0.0, cost_usd=0.5)


@dataclass(frozen=True)
class Asking:
    """Asks once about each pair, and takes so long about it."""

    seconds: tuple[float, ...]
    name: str = "asking"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        assert ctx.gateway is not None
        decisions = []
        for pair, latency_s in zip(batch, self.seconds, strict=True):
            reply = await ctx.gateway.send(ChatRequest({"model": "m", "messages": [pair.id]}), CallScope(None, pair.id, "test"))
            spent = {"n_calls": 1, "n_cached": int(reply.is_cached)}
            decisions.append(Decision.from_rationale(pair.id, EXACT, latency_s=latency_s, provenance=spent))
        return decisions


def test_a_row_that_asked_a_model_shows_tokens_hidden_ones_cost_and_the_median_latency_of_its_own_pairs(pairs: list[Pair]) -> None:
    gateway = MeteredGateway(Thinking(), None)
    rows = bench_matchers(pairs[:3], [("asking", Asking((1.0, 2.0, 9.0)))], ctx=MatchContext(gateway=gateway), valid=pairs[3:6]).rows
    (row,) = rows
    assert (row.prompt_tokens, row.completion_tokens, row.reasoning_tokens) == (300, 120, 90), "the validation pairs are not in it"
    assert (row.cost_usd, row.latency_s, row.n_cached) == (1.5, 2.0, 0)


def test_what_the_cache_answered_costs_nothing_again_and_is_counted_apart(pairs: list[Pair]) -> None:
    ctx = MatchContext(gateway=MeteredGateway(Thinking(), None))
    bench_matchers(pairs[:2], [("first", Asking((1.0, 1.0)))], ctx=ctx)
    (row,) = bench_matchers(pairs[:3], [("again", Asking((0.0, 0.0, 7.0)))], ctx=ctx).rows
    assert (row.n_cached, row.prompt_tokens, row.cost_usd, row.latency_s) == (2, 100, 0.5, 7.0)
    (row,) = bench_matchers(pairs[:3], [("all", Asking((0.1, 0.1, 0.1)))], ctx=ctx).rows
    assert (row.n_cached, row.reasoning_tokens, row.latency_s) == (3, 0, None)


def test_rows_that_cannot_work_here_are_refused_together_before_any_pair(pairs: list[Pair]) -> None:
    shown = []
    with pytest.raises(ConfigError, match="each of the matchers 'zero-shot', 'select:no-rule' asks a free prompt"):
        bench(
            pairs, ["tfidf", "zero-shot", "select:no-rule"], ctx=MatchContext(model=ModelSettings("rules")), on_progress=shown.append
        )  # fmt: skip
    assert shown == []


def test_a_baseline_is_called_by_its_spec_and_the_model_it_asks() -> None:
    assert matcher_label("reasoning:high,no-rule", ModelSettings("openai/m")) == "reasoning:high,no-rule[openai/m]"


def test_leakage_names_the_strongest_thing_shared(pair_of: Callable[..., Pair]) -> None:
    one, two, three = pair_of(1, left="a", right="b"), pair_of(2, left="a", right="c"), pair_of(3)
    assert leakage([one], [one.swapped()]).kind == "shared pairs"
    assert leakage([two], [one]).kind == "shared products"
    assert leakage([replace(three, left=one.left)], [one]).kind == "shared listings"
    assert leakage([three], [one, two]).kind == "disjoint products"
    found = leakage([one, two, three], [one])
    assert (found.n, found.n_same_pair, found.n_shared_listing, found.n_shared_product) == (3, 1, 1, 2)
