"""The small graph of a model judge: gather → grade. It sees listings, readings and the rationale, never a gold label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from epm.evidence.engine import read_listing
from epm.gateway.gateway import Gateway
from epm.gateway.request import CallScope, ModelSettings
from epm.identity import IdentityRule
from epm.judges.schemas import JudgeReply
from epm.listing import Listing
from epm.prompts.data_fields import listing_block, value_block
from epm.prompts.identity_text import state_identity
from epm.prompts.library import load_prompt
from epm.rationale import AXIS_ATTRIBUTES, Axis, Rationale

RECURSION_LIMIT = 6
_MAX_QUOTES = 4


@dataclass(frozen=True, slots=True)
class JudgeRuntime:
    """What one judgement may use."""

    gateway: Gateway
    model: ModelSettings
    identity: IdentityRule
    axis: Axis
    scope: CallScope


class JudgeState(TypedDict, total=False):
    """Two listings and the rationale, then what the graph makes of them."""

    left: Listing
    right: Listing
    rationale: Rationale
    evidence: dict[str, dict[str, list[str]]]
    reply: JudgeReply
    cost_usd: float
    is_cached: bool


JudgeGraph = CompiledStateGraph[JudgeState, JudgeRuntime, JudgeState, JudgeState]


@cache
def judge_graph() -> JudgeGraph:
    """The compiled graph."""
    graph = StateGraph(JudgeState, context_schema=JudgeRuntime)
    graph.add_node("gather", gather)
    graph.add_node("grade", grade)
    graph.add_edge(START, "gather")
    graph.add_edge("gather", "grade")
    graph.add_edge("grade", END)
    return graph.compile(name="judge")


def prompt_id(axis: Axis) -> str:
    """The prompt version of an axis's judge."""
    return f"judges/{axis.value}.v1"


def gather(state: JudgeState, runtime: Runtime[JudgeRuntime]) -> JudgeState:
    """What the parser reads of this axis in both listings: quotes only, so that its opinion does not become the judge's."""
    names = AXIS_ATTRIBUTES[runtime.context.axis]
    return {"evidence": {"left": _quotes(state["left"], names), "right": _quotes(state["right"], names)}}


async def grade(state: JudgeState, runtime: Runtime[JudgeRuntime]) -> JudgeState:
    """The model's reply.

    Raises:
        ModelError: the call failed, or the reply did not fit even after one repair.
    """
    from epm.gateway.structured import ask

    context = runtime.context
    system, user = load_prompt(prompt_id(context.axis)).render(
        identity=state_identity(context.identity), left=listing_block("left", state["left"].texts()),
        right=listing_block("right", state["right"].texts()), evidence=value_block("evidence", state["evidence"]),
        rationale=value_block("rationale", state["rationale"].model_dump(mode="json")),
    )  # fmt: skip
    answered = await ask(
        context.gateway, model=context.model, system=system, user=user, response_model=JudgeReply, task=None, scope=context.scope
    )
    return {"reply": answered.value, "cost_usd": answered.cost_usd, "is_cached": answered.n_cached == answered.n_calls}


def _quotes(listing: Listing, names: tuple[str, ...]) -> dict[str, list[str]]:
    parsed = read_listing(listing)
    found = {name: list(dict.fromkeys(value.span.quote for value in parsed.of(name)))[:_MAX_QUOTES] for name in names}
    return {name: quotes for name, quotes in found.items() if quotes}
