"""verify: the draft is checked by program, then by a second reader; either can veto it.

A veto sends the draft back to ``decide`` once, with its faults. A second veto is final: the item fails (the program's
veto) or is left undecided (the reader's), and nothing is learned from it.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.nodes.decide import decide, identity_payload
from epm.agents.schemas import VerifyReply
from epm.agents.state import TeacherState, Veto
from epm.errors import ErrorClass
from epm.gateway.request import Task, TaskKind
from epm.judges.entailment import entailment_faults
from epm.judges.grounding import grounding_faults
from epm.judges.obedience import doubt_about, is_innocent, obedience_problems
from epm.judges.plausibility import plausibility_faults
from epm.judges.unargued import unargued_faults
from epm.judges.withheld import without_suspicious
from epm.pair import Pair
from epm.prompts.data_fields import listing_block, value_block
from epm.prompts.identity_text import state_identity
from epm.rationale import Rationale

MAX_REPAIRS = 1


async def verify(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """The faults that veto the draft, if any, and who vetoed it."""
    pair, context, rationale = state["pair"], runtime.context, state["draft"].rationale()
    n_vetoes = state.get("n_vetoes", 0)
    problems = check_problems(pair, rationale, context) or await _obeyed(state, rationale, runtime)
    if problems:
        return await _vetoed(state, Veto("checks", problems), context)
    reply = await _second_reading(pair, rationale, context)
    if reply.verdict == "veto":
        return await _vetoed(state, Veto("model", reply.problems or ("vetoed without a reason",)), context)
    return {"problems": (), "vetoed_by": None, "n_vetoes": n_vetoes}


async def _vetoed(state: TeacherState, veto: Veto, context: TeacherContext) -> TeacherState:
    """The veto beside the earlier ones: the draft that is mended is not shown any more, its faults are kept.

    The draft's reply leaves the cache: an item that is tried again is not answered with what was vetoed.
    """
    vetoes = (*state.get("vetoes", ()), veto)
    role = context.scope("decide_repair" if len(vetoes) > 1 and context.told_label is None else "decide").role
    await context.gateway.reject_latest(role, ErrorClass.VETOED, f"vetoed by {veto.by}: {'; '.join(veto.problems)}")
    return {"problems": veto.problems, "vetoed_by": veto.by, "n_vetoes": len(vetoes), "vetoes": vetoes}


def check_problems(pair: Pair, rationale: Rationale, context: TeacherContext) -> tuple[str, ...]:
    """What the program finds so wrong that nobody may learn from it."""
    faults = [
        *grounding_faults(pair, rationale), *plausibility_faults(rationale), *entailment_faults(rationale, context.identity),
        *unargued_faults(pair, rationale, context.identity),
    ]  # fmt: skip
    return tuple(dict.fromkeys(f"{fault.axis}: {fault.reason}" for fault in faults if fault.level == "unsound"))


async def _obeyed(state: TeacherState, rationale: Rationale, runtime: Runtime[TeacherContext]) -> tuple[str, ...]:
    """Where a text in view gave orders or spoke of the comparison: a label that the listings by themselves do not lead to."""
    rivals = [rival.title for rival in state["rivals"]]
    answers = [text for answer in state["answers"] for text in (answer.text, *answer.provenance)]
    doubt = doubt_about(state["pair"], rivals, answers)
    if doubt is None:
        return ()
    if doubt.is_order:
        problems = obedience_problems(state["pair"], rationale, runtime.context.identity, doubt.line)
        if problems:
            return problems
    if rationale.label is None or runtime.context.told_label is not None:  # what the writer was told is nobody's order
        return ()
    alone = (await decide(_innocent(state), runtime))["draft"].label
    if alone is rationale.label:
        return ()
    shown = f"without it the listings are decided as {alone or 'undecidable'}, not {rationale.label}"
    return (f"a text in view speaks of the comparison ({doubt.line!r}), and {shown}",)


def _innocent(state: TeacherState) -> TeacherState:
    """What the first draft was written from, without the suspicious texts."""
    pair = without_suspicious(state["pair"])
    said = {"left": pair.left.texts().values(), "right": pair.right.texts().values()}
    readings = {
        side: {name: tuple(one for one in quotes if any(one in text for text in said[side])) for name, quotes in found.items()}
        for side, found in state["readings"].items()
    }
    return {
        **state,
        "pair": pair,
        "readings": readings,
        "rivals": tuple(rival for rival in state["rivals"] if is_innocent(rival.title, "title")),
        "answers": tuple(answer for answer in state["answers"] if all(map(is_innocent, (answer.text, *answer.provenance)))),
        "problems": (),
    }


async def _second_reading(pair: Pair, rationale: Rationale, context: TeacherContext) -> VerifyReply:
    written = rationale.model_dump(mode="json")
    variables = {
        "identity": state_identity(context.identity),
        "left": listing_block("left", pair.left.texts()),
        "right": listing_block("right", pair.right.texts()),
        "rationale": value_block("rationale", written),
    }
    payload = {"left": pair.left.texts(), "right": pair.right.texts(), "rationale": written, "identity": identity_payload(context.identity)}
    return await context.ask("verify", variables, VerifyReply, Task(TaskKind.VERIFY, payload))
