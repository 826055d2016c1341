"""decide: writes the Rationale, with answers and nearest rivals in view, and the faults of a first draft if there was one.

A vetoed draft is shown again with its faults, by a prompt of its own: correct or argue. To argue is to keep the label and quote
what answers the fault; the second draft stands up to the same checks as the first, so nothing passes by insisting.

In label-conditioned teaching this node alone shows the label, by a prompt of its own.
"""

from __future__ import annotations

from dataclasses import asdict

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.schemas import DecideReply
from epm.agents.state import TeacherState
from epm.gateway.request import Task, TaskKind
from epm.identity import IdentityRule
from epm.prompts.data_fields import listing_block, value_block
from epm.prompts.identity_text import state_identity


def identity_payload(identity: IdentityRule) -> dict[str, object]:
    """The identity rule as JSON: its name and the relations that match under it."""
    return {"name": identity.name, "matching": sorted(relation.value for relation in identity.matching)}


async def decide(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """The draft."""
    pair, context = state["pair"], runtime.context
    answers = [
        {
            "entity": a.question.entity, "attribute": a.question.attribute, "question": a.question.question,
            "answer": a.text, "citations": list(a.citations), "source": a.source,
            "provenance": list(a.provenance), "age_months": a.age_months,
        }
        for a in state["answers"]
    ]  # fmt: skip
    rivals = [asdict(rival) for rival in state["rivals"]]
    variables = {
        "identity": state_identity(context.identity),
        "left": listing_block("left", pair.left.texts()),
        "right": listing_block("right", pair.right.texts()),
        "readings": value_block("readings", state["readings"]),
        "answers": value_block("answers", answers),
        "rivals": value_block("rivals", [{"title": rival.title} for rival in state["rivals"]]),  # an id says nothing, and is paid for
        "problems": value_block("problems", list(state.get("problems", ()))),
    }
    payload = {
        "left": pair.left.texts(), "right": pair.right.texts(), "identity": identity_payload(context.identity),
        "answers": answers, "rivals": rivals,
    }  # fmt: skip
    if context.told_label is None:
        role, task = "decide", Task(TaskKind.DECIDE, payload)
        if state.get("problems"):
            role, variables["draft"] = "decide_repair", value_block("draft", state["draft"].model_dump(mode="json"))
        return {"draft": await context.ask(role, variables, DecideReply, task)}
    variables["recorded_label"] = value_block("recorded_label", context.told_label.value)
    # no typed task: whoever answers tasks cannot explain a label, and would decide blind under the mark of one who was told
    return {"draft": await context.ask("decide", variables, DecideReply, None)}
