"""Two ways to use an answer again: ours, keyed by entity and attribute, and Q2K's, by one vector for all questions of a pair.

``Cosine`` follows arXiv 2509.01182 and its artifact: the questions of a pair are joined into one text; the five nearest texts
of earlier pairs with a cosine of at least .70 count as traces; a sufficiency step then accepts an answer of theirs for each
question, or sends it to a search. No entity is compared. ``is_gated=False`` leaves that step out and takes the nearest trace
that answers the attribute: the most that the vector alone would reuse. Both ways ask, search and file alike, and never find what
the pair itself has left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from epm.agents.context import TeacherContext
from epm.agents.nodes.recall import recall_answer
from epm.agents.nodes.record import answer_entry
from epm.agents.research_loop import Research, research_question
from epm.agents.schemas import Question, SufficientReply
from epm.agents.state import Answer
from epm.gateway.request import Task, TaskKind
from epm.knowledge.index import KnowledgeEntry
from epm.pair import Pair
from epm.prompts.data_fields import value_block

TOP_K = 5
MIN_COSINE = 0.70
Researcher = Callable[[Question, Pair, TeacherContext], Awaitable[Research]]
"""What searches for an answer that was not recalled."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a filed answer was researched: for which question of which pair."""

    question: Question
    pair_id: str


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one question: the origins of the answer that was used again, or none, and the searches made instead."""

    question: Question
    reused: tuple[Origin, ...]
    n_searches: int


async def answered_by_assumption(question: Question, pair: Pair, context: TeacherContext) -> Research:  # noqa: ARG001  # a Researcher
    """An answer to everything, after one search: measures what recall finds apart from how much can be found out."""
    return Research(Answer(question, "found", (), "researched"), ("find_rivals",))


class RecallWay(Protocol):
    """Answers the questions of one pair after another, and files what was researched for the pairs to come."""

    name: str

    async def handle(self, pair: Pair, questions: Sequence[Question], context: TeacherContext) -> list[Handled]:
        """What became of each question. ``context`` holds the index of this way alone."""
        ...


class Keyed:
    """The teacher's own recall."""

    name = "keyed"

    def __init__(self, research: Researcher = research_question) -> None:
        self._research = research
        self._origins: dict[str, Origin] = {}

    async def handle(self, pair: Pair, questions: Sequence[Question], context: TeacherContext) -> list[Handled]:
        """What became of each question."""
        handled, fresh = list[Handled](), list[Answer]()
        for question in questions:
            known = await recall_answer(question, pair.id, context)
            if known is not None:
                handled.append(Handled(question, tuple(self._origins[cited] for cited in known.citations), 0))
                continue
            found = await self._research(question, pair, context)
            handled.append(Handled(question, (), len(found.tools)))
            fresh += [] if found.answer is None else [found.answer]
        for answer in fresh:
            entry = answer_entry(answer, pair.id, context)
            self._origins[entry.id] = Origin(answer.question, pair.id)
            context.knowledge.add([entry])
        return handled


@dataclass(frozen=True, slots=True)
class _Filed:
    origin: Origin
    text: str


class Cosine:
    """Q2K's recall."""

    def __init__(self, research: Researcher = research_question, *, is_gated: bool = True) -> None:
        self.name = "q2k" if is_gated else "q2k-ungated"
        self._research = research
        self._is_gated = is_gated
        self._filed: dict[str, tuple[_Filed, ...]] = {}

    async def handle(self, pair: Pair, questions: Sequence[Question], context: TeacherContext) -> list[Handled]:
        """What became of each question."""
        if not questions:
            return []
        joined = "; ".join(f"Question{number}: {question.question}" for number, question in enumerate(questions, start=1))
        traces = self._traces(joined, pair, context)
        handled, fresh = list[Handled](), list[_Filed]()
        for question in questions:
            reused = await self._reused(question, traces, context)
            if reused:
                handled.append(Handled(question, tuple(one.origin for one in reused), 0))
                continue
            found = await self._research(question, pair, context)
            handled.append(Handled(question, (), len(found.tools)))
            fresh += [] if found.answer is None else [_Filed(Origin(question, pair.id), found.answer.text)]
        if fresh:
            self._filed[pair.id] = tuple(fresh)
            context.knowledge.add([KnowledgeEntry(f"trace-{pair.id}", "answer", joined, "trace of a pair", pair_ids=(pair.id,))])
        return handled

    def _traces(self, joined: str, pair: Pair, context: TeacherContext) -> list[_Filed]:
        """The answers of the nearest traces, nearest first."""
        hits = context.knowledge.query(joined, kind="answer", top_k=TOP_K, now_s=context.now_s, exclude_pair_id=pair.id)
        return [filed for hit in hits if hit.similarity >= MIN_COSINE for filed in self._filed[hit.entry.pair_ids[0]]]

    async def _reused(self, question: Question, traces: Sequence[_Filed], context: TeacherContext) -> tuple[_Filed, ...]:
        if not self._is_gated:
            return tuple(one for one in traces if _attribute(one.origin.question) == _attribute(question))[:1]
        if not traces:
            return ()
        known = {f"trace-{number}": one for number, one in enumerate(traces)}
        shown = [{"id": id_, "question": one.origin.question.question, "answer": one.text} for id_, one in known.items()]
        # a model reads off the old question what it was about; rules are told its attribute, and like a model never its entity
        told = [{**row, "attribute": known[row["id"]].origin.question.attribute} for row in shown]
        variables = {"question": value_block("question", question.question), "answers": value_block("answers", shown)}
        task = Task(TaskKind.SUFFICIENT, {"question": question.model_dump(), "answers": told})
        reply = await context.ask("sufficient", variables, SufficientReply, task)
        if not reply.sufficient or not reply.answer:
            return ()
        return tuple(known[cited] for cited in reply.citations if cited in known) or tuple(known.values())[:1]


def _attribute(question: Question) -> str:
    return question.key()[1]
