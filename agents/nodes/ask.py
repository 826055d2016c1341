"""ask: up to three self-contained questions about decisive attributes that the texts leave open."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.nodes.extract import is_telling
from epm.agents.schemas import MAX_QUESTIONS, AskReply
from epm.agents.state import Readings, TeacherState
from epm.evidence.decisive import decisive_attributes, question_coverage
from epm.evidence.engine import read_listing
from epm.gateway.request import Task, TaskKind
from epm.identity import IdentityRule
from epm.pair import Pair
from epm.prompts.data_fields import listing_block, value_block
from epm.prompts.identity_text import state_identity


def is_read(pair: Pair) -> bool:
    """Whether the engine could tell which product each side offers: where it could not, it does not know what is open either."""
    return all(is_telling(read_listing(listing)) for listing in (pair.left, pair.right))


def ask_variables(pair: Pair, readings: Readings, identity: IdentityRule) -> dict[str, str]:
    """What the plain prompt ``teacher/ask`` is filled with."""
    return {
        "identity": state_identity(identity),
        "left": listing_block("left", pair.left.texts()),
        "right": listing_block("right", pair.right.texts()),
        "readings": value_block("readings", readings),
    }


async def ask_questions(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """The questions, one for each entity and attribute, and what they cover of what is open and decides."""
    pair, context = state["pair"], runtime.context
    decisive = decisive_attributes(pair.left.texts(), pair.right.texts(), context.identity)
    if context.is_lean and not decisive and is_read(pair):
        return {"thinking": "", "questions": (), "coverage": question_coverage((), ())}
    variables, role = ask_variables(pair, state["readings"], context.identity), "ask"
    if context.examples:
        variables["examples"], role = value_block("examples", [example.shown() for example in context.examples]), "ask_shown"
    task = Task(TaskKind.ASK, {"left": pair.left.texts(), "right": pair.right.texts()})
    reply = await context.ask(role, variables, AskReply, task)
    unique = {question.key(): question for question in reversed(reply.questions)}
    questions = tuple(reversed(unique.values()))[:MAX_QUESTIONS]
    return {
        "thinking": reply.thinking,
        "questions": questions,
        "coverage": question_coverage(decisive, [question.attribute for question in questions]),
    }
