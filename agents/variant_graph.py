"""The wiring of one variant of the questions: the teacher's as far as the draft, which nobody verifies and from which nothing is filed.

Nothing is filed, so that every variant, and every pair, finds the same knowledge.
"""

from __future__ import annotations

from functools import cache

from langgraph.graph import END

from epm.agents.graph import TeacherGraph, graph_to_decide


@cache
def variant_graph() -> TeacherGraph:
    """The compiled graph."""
    graph = graph_to_decide()
    graph.add_edge("decide", END)
    return graph.compile(name="variant")
