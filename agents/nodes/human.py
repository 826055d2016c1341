"""human: says why a person should look at this item, and waits for one where the item can wait: in a run, whose store keeps it.

The pause is LangGraph's ``interrupt``. Nothing stays in memory: the graph ends here, the store keeps the item's decision and
checkpoint in the queue of ``epm review``, and ``epm.agents.answered`` goes on from here once somebody has answered.
"""

from __future__ import annotations

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from epm.agents.context import TeacherContext
from epm.agents.review_reasons import review_reasons
from epm.agents.state import TeacherState


def human(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """Whether people uphold the draft's label; outside a run nobody can be waited for, and the draft stands."""
    if runtime.context.run_id is None:
        return {"is_upheld": True}
    return {"is_upheld": interrupt(list(review_reasons(state))) is True}
