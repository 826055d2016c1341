"""The teacher's wiring, after Q2K (arXiv 2509.01182) with its weak points mended; the only place that knows the edges.

    extract → ask → recall → research → decide → verify → (human) → record
                          ╰── nothing open ──↗   ↑──────╯ vetoed once

One small graph for each item, compiled once: the run store holds what is done, and the gateway's kept replies make
repeating a crashed item nearly free, so only an item that waits at ``human`` is checkpointed (``item_graph.py``).
No node retries: only the gateway does.
"""

from __future__ import annotations

from functools import cache

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from epm.agents.context import TeacherContext
from epm.agents.nodes.ask import ask_questions
from epm.agents.nodes.decide import decide
from epm.agents.nodes.extract import extract
from epm.agents.nodes.human import human
from epm.agents.nodes.recall import recall
from epm.agents.nodes.record import record
from epm.agents.nodes.research import open_questions, research
from epm.agents.nodes.verify import MAX_REPAIRS, verify
from epm.agents.review_reasons import review_reasons
from epm.agents.state import TeacherState

RECURSION_LIMIT = 24
"""Twice the longest path: a wiring fault ends as an error instead of a bill."""

TeacherGraph = CompiledStateGraph[TeacherState, TeacherContext, TeacherState, TeacherState]


@cache
def teacher_graph() -> TeacherGraph:
    """The compiled graph."""
    graph = graph_to_decide()
    graph.add_node("verify", verify)
    graph.add_node("human", human)
    graph.add_node("record", record)
    graph.add_edge("decide", "verify")
    graph.add_conditional_edges("verify", _after_verify, ["decide", "human", "record"])
    graph.add_edge("human", "record")
    graph.add_edge("record", END)
    return graph.compile(name="teacher")


def graph_to_decide() -> StateGraph[TeacherState, TeacherContext, TeacherState, TeacherState]:
    """The graph as far as the draft, with no edge after it; new at each call."""
    graph = StateGraph(TeacherState, context_schema=TeacherContext)
    graph.add_node("extract", extract)
    graph.add_node("ask", ask_questions)
    graph.add_node("recall", recall)
    graph.add_node("research", research)
    graph.add_node("decide", decide)
    graph.add_edge(START, "extract")
    graph.add_edge("extract", "ask")
    graph.add_edge("ask", "recall")
    graph.add_conditional_edges("recall", _after_recall, ["research", "decide"])
    graph.add_edge("research", "decide")
    return graph


def _after_recall(state: TeacherState) -> str:
    return "research" if open_questions(state) else "decide"


def _after_verify(state: TeacherState) -> str:
    if state["vetoed_by"] is not None and state["n_vetoes"] <= MAX_REPAIRS:
        return "decide"
    return "human" if review_reasons(state) else "record"
