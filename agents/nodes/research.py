"""research: answers the questions that recall left open, each in its own small tool-calling loop."""

from __future__ import annotations

from collections import Counter

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.research_loop import research_question
from epm.agents.schemas import Question
from epm.agents.state import TeacherState


def open_questions(state: TeacherState) -> tuple[Question, ...]:
    """The questions without an answer."""
    answered = {answer.question for answer in state["answers"]}
    return tuple(question for question in state["questions"] if question not in answered)


async def research(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """All answers so far, and how many searches they took."""
    found = [await research_question(question, state["pair"], runtime.context) for question in open_questions(state)]
    answers = tuple(research.answer for research in found if research.answer is not None)
    searches = Counter(tool for research in found for tool in research.tools)
    return {"answers": (*state["answers"], *answers), "n_searches": searches.total(), "searches": dict(sorted(searches.items()))}
