"""What one item carries through the teacher's graph.

Invariant: the pair is blind. Gold label, relation, split, cluster ids and unknown columns are taken off on entry, so no
node and no prompt can see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypedDict

from epm.agents.schemas import DecideReply, Question
from epm.evidence.decisive import QuestionCoverage
from epm.knowledge.index import KnowledgeEntry
from epm.listing import Listing
from epm.pair import Pair

Readings = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Side, then attribute, then the quotes that state it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answered question. ``citations`` are ids of knowledge entries, ``provenance`` says where those come from.

    ``pages`` are cited web pages that the index does not hold yet.
    """

    question: Question
    text: str
    citations: tuple[str, ...]
    source: Literal["recalled", "researched"]
    provenance: tuple[str, ...] = ()
    age_months: int = 0
    pages: tuple[KnowledgeEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Rival:
    """Another offer of the catalogue that looks like one of the two."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Veto:
    """A draft that was sent back or refused: by whom, and for which faults."""

    by: Literal["checks", "model"]
    problems: tuple[str, ...]


class TeacherState(TypedDict, total=False):
    """Fields in the order in which the nodes fill them."""

    pair: Pair
    readings: Readings
    thinking: str
    questions: tuple[Question, ...]
    coverage: QuestionCoverage
    rivals: tuple[Rival, ...]
    answers: tuple[Answer, ...]
    n_searches: int
    searches: Mapping[str, int]
    draft: DecideReply
    problems: tuple[str, ...]
    vetoed_by: Literal["checks", "model"] | None
    n_vetoes: int
    vetoes: tuple[Veto, ...]
    is_upheld: bool
    n_recorded: int


def blind(pair: Pair) -> Pair:
    """The pair with its id and what its listings say, and nothing that tells the answer."""
    return Pair(id=pair.id, left=_blind_listing(pair.left), right=_blind_listing(pair.right))


def _blind_listing(listing: Listing) -> Listing:
    return replace(listing, cluster_id=None, source=None, extras={})
