"""Why an item of the teacher needs a person: the reasons that send it into the queue of ``epm review``."""

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
