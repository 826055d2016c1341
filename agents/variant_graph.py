"""The wiring of one variant of the questions: as far as the decision, which nobody verifies and from which nothing is filed.

    extract → ask → recall → research → decide
                         ╰── nothing open ──↗

Nothing is filed, so that every variant, and every pair, finds the same knowledge.
"""

from __future__ import annotations

from functools import cache

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from epm.agents.context import TeacherContext
from epm.agents.nodes.ask import ask_questions
from epm.agents.nodes.decide import decide
from epm.agents.nodes.extract import extract
from epm.agents.nodes.recall import recall
from epm.agents.nodes.research import open_questions, research
from epm.agents.state import TeacherState


@cache
def variant_graph() -> CompiledStateGraph[TeacherState, TeacherContext, TeacherState, TeacherState]:
    """The compiled graph."""
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
    graph.add_edge("decide", END)
    return graph.compile(name="variant")


def _after_recall(state: TeacherState) -> str:
    return "research" if open_questions(state) else "decide"
