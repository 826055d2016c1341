"""What an item came by on its way to a decision, as JSON values for its provenance.

A rationale alone does not say what its writer had in view. The trace does: readings, questions, answers with
their citations, rivals, and every draft's faults. It is text of listings and models, so ``data purge`` blanks it.
"""

from __future__ import annotations

from dataclasses import asdict

from epm.agents.state import Answer, TeacherState


def item_trace(state: TeacherState) -> dict[str, object]:
    """Readings, questions, answers, rivals and vetoes of a finished item, as JSON values."""
    return {
        "readings": {side: {name: list(quotes) for name, quotes in read.items()} for side, read in state["readings"].items()},
        "questions": [question.model_dump(mode="json") for question in state["questions"]],
        "answers": [_answer(answer) for answer in state["answers"]],
        "rivals_shown": [asdict(rival) for rival in state["rivals"]],
        "vetoes": [asdict(veto) for veto in state.get("vetoes", ())],
    }


def _answer(answer: Answer) -> dict[str, object]:
    return {
        "attribute": answer.question.attribute,
        "question": answer.question.question,
        "answer": answer.text,
        "source": answer.source,
        "citations": list(answer.citations),
        "provenance": list(answer.provenance),
        "age_months": answer.age_months,
    }
