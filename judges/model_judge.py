"""The model judges ``core``, ``identifier`` and ``variant``: one axis each, labelled levels, reason before level.

    epm judge score RUN --judge core --model openai/gpt-4o-mini

Without a model they are unscored and say so: the rules never stand in for a judge that reads. A failed call is unscored
with its error class, which masks the sample; it is never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from epm.egress import EgressPolicy
from epm.errors import ModelError
from epm.gateway.deadline import item_deadline
from epm.gateway.gateway import Gateway
from epm.gateway.misplaced import refuse_misplaced_keys
from epm.gateway.request import CallScope, ModelSettings
from epm.judge import JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.judges.faults import LEVELS
from epm.pair import Pair
from epm.prompts.library import load_prompt
from epm.rationale import Axis, Rationale
from epm.run import in_turn

_RULES = "rules"


class ModelJudge:
    """Grades one axis with a model. ``model_name`` wins over the context's model."""

    def __init__(self, axis: Axis, model_name: str | None = None) -> None:
        """Raises ``ConfigError`` for a model name that looks like a key."""
        refuse_misplaced_keys({"model": model_name})
        self.axis = axis
        self.name = axis.value if model_name is None else f"{axis.value}:{model_name}"
        self.version = f"1+{load_prompt(f'judges/{axis.value}.v1').sha256[:12]}"
        if model_name is not None:
            ModelSettings(model_name)  # refuses a key, or a profile's name, before anything keeps it
        self._model_name = model_name

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        """One judgement for each rationale, in the same order."""
        model = self._settings(ctx.model)
        if model is None or ctx.gateway is None:
            reason = "no model: this judge needs one; name it with --model"
            return [self._judgement(pair, rationale, AxisScore.unscored(self.axis, reason)) for pair, rationale in batch]
        gateway = ctx.gateway
        return await in_turn(batch, lambda item: self._score_one(*item, gateway, model, ctx), concurrency=ctx.concurrency)

    async def _score_one(self, pair: Pair, rationale: Rationale, gateway: Gateway, model: ModelSettings, ctx: JudgeContext) -> Judgement:
        # The graph brings in langgraph and langchain.
        from epm.graph_call import call_graph
        from epm.judges.judge_graph import RECURSION_LIMIT, JudgeRuntime, JudgeState, judge_graph, prompt_id

        hidden = hidden_quote(pair, rationale, ctx.egress)
        if hidden is not None:
            return self._judgement(pair, rationale, AxisScore.unscored(self.axis, hidden))
        shown = ctx.egress.visible(pair)
        prompt = load_prompt(prompt_id(self.axis))
        scope = CallScope(ctx.run_id, pair.id, f"judge/{self.axis.value}", prompt.id, prompt.sha256)
        entry: JudgeState = {"left": shown.left, "right": shown.right, "rationale": rationale}
        context = JudgeRuntime(gateway, model, ctx.identity, self.axis, scope)
        try:
            with item_deadline(model.item_timeout_s):
                state = await call_graph(judge_graph(), entry, {"recursion_limit": RECURSION_LIMIT}, context=context)
        except ModelError as error:
            return self._judgement(pair, rationale, AxisScore.unscored(self.axis, f"{error.error_class.value}: {error}", error.error_class))
        reply = state["reply"]
        graded = AxisScore(self.axis, LEVELS[reply.level], reply.level, " ".join((reply.reason, *reply.findings)))
        judgement = self._judgement(pair, rationale, graded)
        return replace(judgement, cost_usd=state["cost_usd"], is_cached=state["is_cached"], asked=model.asked)

    def asks(self, model: ModelSettings | None) -> str | None:
        """The model and its effort: a score that was given by another, or with another effort, is not this judge's."""
        settings = self._settings(model)
        return None if settings is None else settings.asked

    def _settings(self, model: ModelSettings | None) -> ModelSettings | None:
        settings = model if self._model_name is None else replace(model or ModelSettings(self._model_name), name=self._model_name)
        return None if settings is None or settings.name == _RULES else settings

    def _judgement(self, pair: Pair, rationale: Rationale, graded: AxisScore) -> Judgement:
        return Judgement(pair.id, rationale.sha(), self.name, (graded,))


def hidden_quote(pair: Pair, rationale: Rationale, egress: EgressPolicy) -> str | None:
    """Why a rationale may not be shown: it quotes a field that may not leave; ``None`` if it may.

    A teacher that ran here (rules) saw every field, so its quotes can hold what the prompts of a judge elsewhere must not.
    """
    if egress.fields is None:
        return None
    shown = egress.visible(pair)
    texts = {"left": "\n".join(shown.left.texts().values()), "right": "\n".join(shown.right.texts().values())}
    for axis in Axis:
        for cell in rationale.finding(axis).comparisons:
            for side, quote in (("left", cell.left), ("right", cell.right)):
                if quote is not None and quote not in texts[side]:
                    return f"the rationale's {side} {cell.attribute} quotes a field that may not leave this machine ([egress] fields)"
    return None


def make_core(arg: str | None) -> ModelJudge:
    """The core judge; ``arg`` is a model name."""
    return ModelJudge(Axis.CORE, arg or None)


def make_identifier(arg: str | None) -> ModelJudge:
    """The identifier judge; ``arg`` is a model name."""
    return ModelJudge(Axis.IDENTIFIER, arg or None)


def make_variant(arg: str | None) -> ModelJudge:
    """The variant judge; ``arg`` is a model name."""
    return ModelJudge(Axis.VARIANT, arg or None)
