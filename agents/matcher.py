"""The matcher ``multi-agent-rag[:MODEL]``: the teacher's graph, once for each pair.

    epm bench pairs.jsonl --matcher multi-agent-rag:rules

``multi-agent-rag-lean[:MODEL]`` is the same for less money: no model is asked for questions about a pair in which the engine could
read both products and finds nothing open that decides.

An item that cannot be decided comes back as a record: ``failed`` with its error class, or ``abstained`` where the
second reader kept its veto. Gold labels are taken off before a pair enters the graph.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from epm.agents.context import LABELLED_PROMPTS, PROMPTS, TeacherContext
from epm.agents.item_gateway import ItemGateway
from epm.agents.item_trace import item_trace
from epm.agents.review_reasons import review_reasons
from epm.agents.state import TeacherState, blind
from epm.decision import Decision, Outcome
from epm.errors import ConfigError, ErrorClass, ModelError
from epm.evidence.engine import engine_version
from epm.gateway.deadline import item_deadline
from epm.gateway.gateway import Gateway
from epm.gateway.request import ModelSettings
from epm.knowledge.catalogue import batch_index, listing_entries
from epm.knowledge.index import KnowledgeIndex
from epm.knowledge.memory import MemoryIndex
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.prompts.library import load_prompt, prompts_sha
from epm.relation import Label
from epm.run import in_turn
from epm.store.review_queue import with_checkpoint

NAME = "multi-agent-rag"
LEAN_NAME = "multi-agent-rag-lean"
VERSION = "1"
DEFAULT_MODEL = "rules"


def make(arg: str | None) -> MultiAgentRag:
    """The matcher; ``arg`` is a model name that wins over the context's model."""
    if arg:
        ModelSettings(arg)  # refuses a key, or a profile's name, before anything keeps it
    return MultiAgentRag(model_name=arg or None)


def make_lean(arg: str | None) -> MultiAgentRag:
    """The same, sparing with questions."""
    return MultiAgentRag(model_name=arg or None, is_lean=True)


def teacher_prompts_sha(*, is_told: bool = False) -> str:
    """SHA-256 over all prompts the teacher uses, blind or told the label."""
    return prompts_sha((LABELLED_PROMPTS if is_told else PROMPTS).values())


class MultiAgentRag:
    """Decides each pair with the teacher's graph; with ``labels`` (by pair id) its writer is told each pair's label."""

    def __init__(self, model_name: str | None = None, labels: Mapping[str, Label] | None = None, *, is_lean: bool = False) -> None:
        plain = LEAN_NAME if is_lean else NAME
        self.name = plain if model_name is None else f"{plain}:{model_name}"
        self._is_lean = is_lean
        self.prompts_sha = teacher_prompts_sha(is_told=labels is not None)
        self.version = f"{VERSION}+{self.prompts_sha[:12]}"
        self._model_name = model_name
        self._labels = labels
        self._own_index: MemoryIndex | None = None

    def with_labels(self, labels: Mapping[str, Label]) -> MultiAgentRag:
        """The teacher that explains these labels, by pair id; a pair without one is an error of the caller."""
        return MultiAgentRag(self._model_name, labels, is_lean=self._is_lean)

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order.

        Raises:
            ConfigError: the context has no gateway and the model is not ``rules``.
        """
        model = self._settings(ctx)
        shown = [ctx.egress.visible(pair) for pair in batch]
        tools = ItemTools(ctx.gateway or rules_gateway(model), model, ctx.knowledge or self._index_with(shown), time.time())

        async def decide(pair: Pair) -> Decision:
            told_label = None if self._labels is None else self._labels[pair.id]
            decision = await decide_pair(pair, tools, ctx, told_label=told_label, is_lean=self._is_lean)
            if ctx.on_decision is not None:
                ctx.on_decision(decision)
            return decision

        return await in_turn(shown, decide, concurrency=ctx.concurrency)

    def templates(self) -> Mapping[str, tuple[str, str]]:
        """The unfilled prompt of every role, also of those that few items come to."""
        prompts = {role: load_prompt(name) for role, name in (PROMPTS if self._labels is None else LABELLED_PROMPTS).items()}
        return {f"teacher/{role}": (prompt.system, prompt.user) for role, prompt in prompts.items()}

    def _settings(self, ctx: MatchContext) -> ModelSettings:
        settings = ctx.model or ModelSettings(DEFAULT_MODEL)
        return settings if self._model_name is None else replace(settings, name=self._model_name)

    def _index_with(self, batch: Sequence[Pair]) -> MemoryIndex:
        """The matcher's own index: grows with each batch, so that later batches see earlier rivals and answers."""
        if self._own_index is None:
            self._own_index = batch_index(batch)
        else:
            self._own_index.add(listing_entries(batch, provenance="batch"))
        return self._own_index


@dataclass(frozen=True, slots=True)
class ItemTools:
    """What all items of a batch share. ``now_s`` is UTC epoch seconds."""

    gateway: Gateway
    model: ModelSettings
    knowledge: KnowledgeIndex
    now_s: float


def rules_gateway(model: ModelSettings) -> Gateway:
    """A gateway in memory to the rules transport, for callers that brought none.

    Raises:
        ConfigError: another model is wanted; its calls need a configured gateway.
    """
    if model.name != DEFAULT_MODEL:
        msg = f"matcher {NAME!r} was given the model {model.name!r} but no gateway; run it through 'epm bench' or 'epm teach'"
        raise ConfigError(msg)
    from epm.gateway.metered import MeteredGateway
    from epm.gateway.transports.rules import RulesTransport

    return MeteredGateway(RulesTransport(), None)


async def decide_pair(
    pair: Pair, tools: ItemTools, ctx: MatchContext, *, told_label: Label | None = None, is_lean: bool = False
) -> Decision:
    """The graph's decision on one pair; a failed model call is a failed decision. ``told_label`` is shown to the writer."""
    # The graph brings in langgraph and langchain.
    from langgraph.errors import GraphRecursionError

    from epm.agents.item_graph import begin_item

    gateway, start = ItemGateway(tools.gateway), time.perf_counter()
    context = TeacherContext(
        gateway,
        tools.model,
        ctx.identity,
        tools.knowledge,
        tools.now_s,
        pair.id,
        ctx.run_id,
        told_label,
        web_search=ctx.web_search,
        is_lean=is_lean,
    )
    try:
        with item_deadline(tools.model.item_timeout_s):
            state, checkpoint = await begin_item(blind(pair), context)
        decision = with_checkpoint(decision_of(pair.id, state), checkpoint)
    except ModelError as error:
        decision = Decision.failed(pair.id, error.error_class, str(error))
    except GraphRecursionError as error:
        decision = Decision.failed(pair.id, ErrorClass.INVALID_STRUCTURE, f"the model kept calling tools: {error}")
    spent = {"n_calls": gateway.n_calls, "n_cached": gateway.n_cached, "n_unpriced": gateway.n_unpriced}
    sha = teacher_prompts_sha(is_told=told_label is not None)
    made_by = {"matcher": LEAN_NAME if is_lean else NAME, "model": tools.model.name, "prompts_sha": sha, "engine": engine_version()}
    if tools.model.reasoning_effort is not None:
        made_by["reasoning_effort"] = tools.model.reasoning_effort
    provenance = {**made_by, **decision.provenance, **spent}
    return replace(decision, cost_usd=gateway.cost_usd, latency_s=time.perf_counter() - start, provenance=provenance)


def decision_of(pair_id: str, state: TeacherState) -> Decision:
    """What a finished state decides. A vetoed rationale stays in the provenance only: nobody learns from it."""
    rationale, provenance = state["draft"].rationale(), _provenance(state)
    if state["vetoed_by"] is None:
        return Decision.from_rationale(pair_id, rationale, provenance=provenance)
    kept = {**provenance, "problems": list(state["problems"]), "vetoed_rationale": rationale.model_dump(mode="json")}
    reason = f"vetoed by {state['vetoed_by']}: {'; '.join(state['problems'])[:500]}"
    if state["vetoed_by"] == "checks":
        return replace(Decision.failed(pair_id, ErrorClass.VETOED, reason), provenance=kept)
    return Decision(pair_id, Outcome.ABSTAINED, error=reason, provenance=kept)


def _provenance(state: TeacherState) -> Mapping[str, object]:
    reasons = review_reasons(state)
    return {
        "confidence": state["draft"].confidence,
        "needs_review": bool(reasons),
        "review_reasons": list(reasons),
        "n_questions": len(state["questions"]),
        "n_decisive": len(state["coverage"].decisive),
        "n_decisive_asked": len(state["coverage"].asked),
        "n_idle_questions": state["coverage"].n_idle,
        "n_recalled": sum(answer.source == "recalled" for answer in state["answers"]),
        "n_researched": sum(answer.source == "researched" for answer in state["answers"]),
        "n_searches": state["n_searches"],
        "searches": dict(state.get("searches", {})),
        "n_vetoes": state["n_vetoes"],
        "citations": sorted({cited for answer in state["answers"] for cited in answer.citations}),
        "rivals": [rival.id for rival in state["rivals"]],
        **item_trace(state),
    }
