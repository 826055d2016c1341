"""recall: the nearest rivals of both listings, and answers known for the same entity and attribute.

An answer about another entity is never recalled, however similar its question; nor is one that was learned from this very
pair, nor one past its age. A model confirms that what was found settles the question; one that cites what was not found is not believed.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.schemas import Question, SufficientReply
from epm.agents.state import Answer, Rival, TeacherState
from epm.gateway.request import Task, TaskKind
from epm.knowledge.catalogue import listing_entry_id, listing_text
from epm.knowledge.tools import age_months
from epm.pair import Pair
from epm.prompts.data_fields import clean_text, value_block

RIVALS_PER_SIDE = 2
_ANSWERS_READ = 3


async def recall(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """Rivals, and the answers that could be recalled."""
    pair, context = state["pair"], runtime.context
    recalled = [await recall_answer(question, pair.id, context) for question in state["questions"]]
    return {"rivals": nearest_rivals(pair, context), "answers": tuple(answer for answer in recalled if answer is not None), "n_searches": 0}


def nearest_rivals(pair: Pair, context: TeacherContext) -> tuple[Rival, ...]:
    """The offers nearest to either side, without the two offers themselves and catalogue copies of them."""
    own = {listing_entry_id(pair.left), listing_entry_id(pair.right)}
    own_texts = {listing_text(pair.left), listing_text(pair.right)}
    found: dict[str, Rival] = {}
    for listing in (pair.left, pair.right):
        hits = context.knowledge.query(
            listing_text(listing), kind="listing", top_k=RIVALS_PER_SIDE + 2 * len(own), now_s=context.now_s, exclude_pair_id=pair.id
        )
        kept = [hit.entry for hit in hits if hit.entry.id not in own and hit.entry.text not in own_texts][:RIVALS_PER_SIDE]
        found.update({entry.id: Rival(entry.id, entry.text) for entry in kept})
    return tuple(found.values())


async def recall_answer(question: Question, pair_id: str, context: TeacherContext) -> Answer | None:
    """The answer known for the question's entity and attribute, if a model finds that it suffices; it cites the entries it rests on."""
    entity, attribute = question.key()
    hits = context.knowledge.query(
        question.question,
        kind="answer",
        top_k=_ANSWERS_READ,
        now_s=context.now_s,
        exclude_pair_id=pair_id,
        entity=entity,
        attribute=attribute,
    )
    if not hits:
        return None
    found = {hit.entry.id: hit.entry for hit in hits}
    known = [{"id": e.id, "answer": e.text, "provenance": e.provenance, "age_months": age_months(e, context.now_s)} for e in found.values()]
    variables = {"question": value_block("question", question.question), "answers": value_block("answers", known)}
    task = Task(TaskKind.SUFFICIENT, {"question": question.model_dump(), "answers": known})
    reply = await context.ask("sufficient", variables, SufficientReply, task)
    cited = [found[cited] for cited in dict.fromkeys(reply.citations) if cited in found]
    if not reply.citations:  # a model that names none rests on the nearest; one that names others invents
        cited = [hits[0].entry]
    if not reply.sufficient or not reply.answer or not cited:
        return None
    provenance, age = tuple(dict.fromkeys(entry.provenance for entry in cited)), max(age_months(entry, context.now_s) for entry in cited)
    return Answer(question, clean_text(reply.answer, 1_000), tuple(entry.id for entry in cited), "recalled", provenance, age)
