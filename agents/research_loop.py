"""The tool-calling loop that answers one question: a model and a ToolNode, taking turns.

The model's turns go through the gateway like every other call. An answer counts only with the ids of results that were
found in this very loop; anything else is thrown away. A loop that does not come to an answer is no failure of the item: its
question stays open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import add
from typing import Annotated, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolInvocationError
from langgraph.runtime import Runtime
from pydantic import ValidationError

from epm.agents.context import TeacherContext
from epm.agents.schemas import Question, ResearchReply
from epm.agents.state import Answer
from epm.errors import ErrorClass, ModelError
from epm.gateway.request import Task, TaskKind
from epm.graph_call import call_graph
from epm.knowledge.catalogue import listing_entry_id, listing_text
from epm.knowledge.tools import TOOLS, WEB_TOOLS, SearchContext
from epm.pair import Pair
from epm.prompts.data_fields import clean_text, clean_value, data_block, value_block
from epm.prompts.library import load_prompt
from epm.socket_guard import refusal_in

MAX_SEARCHES = 4
_RECURSION_LIMIT = 2 * MAX_SEARCHES + 4
_RESULT_CHARS = 600
_RESULTS = "results"
_NAMES = frozenset(tool.name for tool in WEB_TOOLS)
_WRONG_CALL = "Error: the arguments do not fit; give one 'query' of 1 to 300 characters."


@dataclass(frozen=True, slots=True)
class LoopContext(SearchContext):
    """What the tools and the model of one loop may use."""

    teacher: TeacherContext
    question: Question


class LoopState(TypedDict):
    """The conversation, and which tools it has called."""

    messages: Annotated[list[AnyMessage], add_messages]
    tools: Annotated[list[str], add]


@dataclass(frozen=True, slots=True)
class Research:
    """What one loop came to: an answer or none, and the tools that were called for it."""

    answer: Answer | None
    tools: tuple[str, ...]


async def research_question(question: Question, pair: Pair, context: TeacherContext) -> Research:
    """The researched answer of a question.

    Raises:
        ModelError: a model call failed.
    """
    entity, attribute = question.key()
    loop_context = LoopContext(
        index=context.knowledge, clean=_clean_result, now_s=context.now_s, pair_id=pair.id,
        own_ids=frozenset({listing_entry_id(pair.left), listing_entry_id(pair.right)}),
        own_texts=frozenset({listing_text(pair.left), listing_text(pair.right)}), entity=entity, attribute=attribute, product=question.entity, teacher=context, question=question, show=_show_results, asked=question.question,
        web=context.web_search, pages={},
    )  # fmt: skip
    system, user = load_prompt(context.prompts["research"]).render(question=value_block("question", question.question))
    start: LoopState = {"messages": [SystemMessage(system), HumanMessage(user)], "tools": []}
    ended = await call_graph(research_loop(), start, {"recursion_limit": _RECURSION_LIMIT}, context=loop_context)
    answer = _answer_of(question, ended["messages"])
    if answer is not None:
        answer = replace(answer, pages=tuple(page for cited, page in loop_context.pages.items() if cited in answer.citations))
    return Research(answer, tuple(ended["tools"]))


@cache
def research_loop() -> CompiledStateGraph[LoopState, LoopContext, LoopState, LoopState]:
    """The compiled loop: ``think`` until it calls no tool, or has searched enough."""
    graph = StateGraph(LoopState, context_schema=LoopContext)
    graph.add_node("think", think)
    # A tool that fails is told to the model as its result, instead of ending the item.
    graph.add_node("tools", ToolNode(WEB_TOOLS, handle_tool_errors=_told))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", _after_thinking, {"tools": "tools", "end": END})
    graph.add_edge("tools", "think")
    return graph.compile(name="research")


async def think(state: LoopState, runtime: Runtime[LoopContext]) -> dict[str, object]:
    """One turn of the model: tool calls, or the answer."""
    from epm.gateway.chat_model import bound_chat_model

    teacher = runtime.context.teacher
    # Transports that answer tasks read the tool results from the conversation itself.
    task = Task(TaskKind.RESEARCH, {"question": runtime.context.question.model_dump()})
    chat = bound_chat_model(teacher.gateway, teacher.model, teacher.scope("research"), task)
    reply = await call_graph(chat.bind_tools(TOOLS if teacher.web_search is None else WEB_TOOLS), state["messages"])
    called = [call["name"] if call["name"] in _NAMES else "unknown" for call in reply.tool_calls] if isinstance(reply, AIMessage) else []
    return {"messages": [reply], "tools": called}


def _after_thinking(state: LoopState) -> str:
    last = state["messages"][-1]
    has_calls = isinstance(last, AIMessage) and bool(last.tool_calls)
    return "tools" if has_calls and len(state["tools"]) <= MAX_SEARCHES else "end"


def _told(error: Exception) -> str:
    """What a model is told about a failed tool call: nothing that others wrote. A refusal of the egress guard ends the item.

    Raises:
        ModelError: the tool tried to reach a host that it may not reach.
    """
    refusal = refusal_in(error)
    if refusal is not None:
        raise ModelError(str(refusal), ErrorClass.EGRESS) from error
    return _WRONG_CALL if isinstance(error, ToolInvocationError) else "Error: the search failed; use another tool, or answer without it."


def _results(message: ToolMessage) -> list[dict[str, object]]:
    try:
        found = json.loads(str(message.content).removeprefix(f'<data name="{_RESULTS}">').removesuffix("</data>"))
    except json.JSONDecodeError:
        return []  # a tool's error message
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _answer_of(question: Question, messages: Sequence[AnyMessage]) -> Answer | None:
    """The cited answer, or ``None``: no answer, an unreadable one, or one that cites nothing that was found."""
    try:
        reply = ResearchReply.model_validate_json(_json_part(str(messages[-1].content)))
    except ValidationError:
        return None
    results = [entry for message in messages if isinstance(message, ToolMessage) for entry in _results(message)]
    found = {str(entry.get("id")): str(entry.get("from")) for entry in results}
    citations = tuple(cited for cited in dict.fromkeys(reply.citations) if cited in found)
    if not reply.answer or not citations:
        return None
    return Answer(
        question, clean_text(reply.answer, 1_000), citations, "researched", tuple(dict.fromkeys(found[cited] for cited in citations))
    )


def _json_part(text: str) -> str:
    """The text from its first to its last brace: models like to fence their JSON."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _clean_result(text: str) -> str:
    return clean_text(text, _RESULT_CHARS)


def _show_results(rows: Sequence[Mapping[str, object]]) -> str:
    return data_block(_RESULTS, clean_value(rows, _RESULT_CHARS))
