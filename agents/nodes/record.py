"""record: researched answers of a passed item, and the web pages they cite, go into the knowledge index, with provenance and the pair."""

from __future__ import annotations

import hashlib

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.state import Answer, TeacherState
from epm.knowledge.index import KnowledgeEntry

ANSWER_AGE_S = 180 * 86_400.0
"""Half a year: product facts change slowly, ranges and editions do not stand still."""


def record(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """The number of answers stored; none from an item that was vetoed, or whose label people do not uphold."""
    researched = [answer for answer in state["answers"] if answer.source == "researched"]
    if state["vetoed_by"] is not None or not state.get("is_upheld", True) or not researched:
        return {"n_recorded": 0}
    pages = [page for answer in researched for page in answer.pages]
    runtime.context.knowledge.add([*pages, *(answer_entry(answer, state["pair"].id, runtime.context) for answer in researched)])
    return {"n_recorded": len(researched)}


def answer_entry(answer: Answer, pair_id: str, context: TeacherContext) -> KnowledgeEntry:
    """What is filed of a researched answer: for its entity and attribute, with where it comes from and when it is too old."""
    entity, attribute = answer.question.key()
    digest = hashlib.sha256(f"{entity}\0{attribute}\0{pair_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return KnowledgeEntry(
        id=f"answer-{digest[:24]}", kind="answer", text=answer.text, provenance=f"teacher/research {context.model.name}: {', '.join(answer.citations)}",
        entity=entity, attribute=attribute, pair_ids=(pair_id,), created_at_s=context.now_s, expires_at_s=context.now_s + ANSWER_AGE_S,
        metadata={"question": answer.question.question, "run_id": context.run_id or ""},
    )  # fmt: skip
