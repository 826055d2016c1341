"""human: says why a person should look at this item. The reasons go into the decision's provenance."""

from __future__ import annotations

from epm.agents.state import TeacherState
from epm.relation import Relation


def review_reasons(state: TeacherState) -> tuple[str, ...]:
    """Why this item needs a person; empty when it does not."""
    draft = state["draft"]
    reasons = {
        "low_confidence": draft.confidence == "low",
        "undecidable": draft.relation is Relation.UNDECIDABLE,
        "repaired": state["n_vetoes"] > 0 and state["vetoed_by"] is None,
        "vetoed": state["vetoed_by"] is not None,
    }
    return tuple(reason for reason, applies in reasons.items() if applies)


def human(state: TeacherState) -> TeacherState:
    """The reasons, kept with the item."""
    return {"review_reasons": review_reasons(state)}
