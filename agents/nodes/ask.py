"""ask: up to three self-contained questions about decisive attributes that the texts leave open."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.schemas import MAX_QUESTIONS, AskReply
from epm.agents.state import TeacherState
from epm.gateway.request import Task, TaskKind
from epm.prompts.data_fields import listing_block, value_block
from epm.prompts.identity_text import state_identity


async def ask_questions(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """The questions, one for each entity and attribute."""
    pair, context = state["pair"], runtime.context
    variables = {
        "identity": state_identity(context.identity),
        "left": listing_block("left", pair.left.texts()),
        "right": listing_block("right", pair.right.texts()),
        "readings": value_block("readings", state["readings"]),
    }
    task = Task(TaskKind.ASK, {"left": pair.left.texts(), "right": pair.right.texts()})
    reply = await context.ask("ask", variables, AskReply, task)
    unique = {question.key(): question for question in reversed(reply.questions)}
    return {"questions": tuple(reversed(unique.values()))[:MAX_QUESTIONS]}
