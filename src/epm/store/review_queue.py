"""Items that wait for people, and what people say of them.

An item enters the queue in the transaction that writes its decision, with the checkpoint of its graph, and waits while that
attempt is its standing one. Answers are only ever added: one for each rater and item. An item that somebody answered is
resumed once, when its run is next at work, and its checkpoint goes then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select, update

from epm.decision import Decision
from epm.relation import Label, Relation
from epm.review.answer import Answer, Review
from epm.store import codec
from epm.store.missing import insert_missing
from epm.store.schema import decisions, items, reviews, waiting
from epm.store.stored_row import StoredRow

NEEDS_REVIEW = "needs_review"
"""The entry of a decision's provenance that sends its item into the queue."""

_CHECKPOINT = "checkpoint"
"""The entry in which a decision brings its item's checkpoint; it is kept with the queue and not with the decision."""

ItemKey = tuple[str, str]
"""Run id and item id."""


def with_checkpoint(decision: Decision, checkpoint: str | None) -> Decision:
    """The decision of an item that waits, carrying its checkpoint to the store; without one, the decision as it is."""
    return decision if checkpoint is None else replace(decision, provenance={**decision.provenance, _CHECKPOINT: checkpoint})


def queued(decision: Decision) -> tuple[Decision, str | None]:
    """The decision as it is kept, and the checkpoint that it carried."""
    kept = {name: value for name, value in decision.provenance.items() if name != _CHECKPOINT}
    return replace(decision, provenance=kept), cast("str | None", decision.provenance.get(_CHECKPOINT))


def add_waiting(connection: Connection, key: Mapping[str, object], decision: Decision, checkpoint: str | None) -> None:
    """Put an attempt into the queue if its decision asks for a person."""
    if decision.provenance.get(NEEDS_REVIEW) is True:
        connection.execute(insert(waiting).values(**key, since_s=time.time(), checkpoint=checkpoint))


def fill_queue(connection: Connection) -> None:
    """Put the items of an older store into its new queue; their answers were filed already, so they have no checkpoint."""
    same = and_(*(items.c[name] == decisions.c[name] for name in ("run_id", "item_id", "attempt")))
    asks = decisions.c.provenance_json.contains(f'"{NEEDS_REVIEW}":true', autoescape=True)
    columns = (items.c.run_id, items.c.item_id, items.c.attempt, items.c.finished_at_s)
    old = select(*columns).join(decisions, same).where(asks)
    connection.execute(insert(waiting).from_select(["run_id", "item_id", "attempt", "since_s"], old))


def queue_keys(connection: Connection, run_id: str | None = None) -> list[ItemKey]:
    """Every item that asked for a person and was not decided anew since, of one run or of all, answered ones included."""
    query = select(waiting.c.run_id, waiting.c.item_id).where(_is_standing())
    if run_id is not None:
        query = query.where(waiting.c.run_id == run_id)
    return [(row.run_id, row.item_id) for row in connection.execute(query.order_by(waiting.c.run_id, waiting.c.item_id))]


def waiting_by_run(connection: Connection) -> dict[str, int]:
    """How many items wait for a person and have no answer yet, by run."""
    answered = exists().where(reviews.c.run_id == waiting.c.run_id, reviews.c.item_id == waiting.c.item_id)
    query = select(waiting.c.run_id, func.count()).where(_is_standing(), ~answered).group_by(waiting.c.run_id)
    return {run_id: int(n) for run_id, n in connection.execute(query)}


def to_resume(connection: Connection, run_id: str) -> list[str]:
    """The items of a run that somebody answered and that have not gone on yet."""
    answered = exists().where(reviews.c.run_id == waiting.c.run_id, reviews.c.item_id == waiting.c.item_id)
    query = select(waiting.c.item_id).where(waiting.c.run_id == run_id, waiting.c.checkpoint.is_not(None), _is_standing(), answered)
    return [str(item_id) for item_id in connection.execute(query.order_by(waiting.c.item_id)).scalars()]


def checkpoints_of(connection: Connection, run_id: str, item_ids: Sequence[str]) -> dict[str, str]:
    """The checkpoints of a few hundred items that wait, by item."""
    is_wanted = (waiting.c.run_id == run_id) & waiting.c.item_id.in_(item_ids) & waiting.c.checkpoint.is_not(None) & _is_standing()
    return {row.item_id: row.checkpoint for row in connection.execute(select(waiting).where(is_wanted))}


def set_resumed(connection: Connection, run_id: str, item_id: str) -> None:
    """Write down that an item went on."""
    of_item = (waiting.c.run_id == run_id) & (waiting.c.item_id == item_id)
    connection.execute(update(waiting).where(of_item).values(resumed_at_s=time.time(), checkpoint=None))


def add_reviews(connection: Connection, added: Sequence[Review]) -> int:
    """Keep answers, and say how many are new: a rater's first answer on an item stands."""
    before = _n_reviews(connection)
    for review in added:
        note = None if review.note is None else codec.storable(review.note)
        row = {
            "run_id": review.run_id, "item_id": review.item_id, "rater": review.rater, "label": review.answer.value,
            "relation": None if review.relation is None else review.relation.value, "note": note, "created_at_s": review.created_at_s,
        }  # fmt: skip
        insert_missing(connection, reviews, row)
    return _n_reviews(connection) - before


def stored_reviews(
    connection: Connection, run_id: str | None = None, *, rater: str | None = None, item_id: str | None = None
) -> list[Review]:
    """The answers in the order in which they were given."""
    wanted = {reviews.c.run_id: run_id, reviews.c.rater: rater, reviews.c.item_id: item_id}
    query = select(reviews).where(*(column == value for column, value in wanted.items() if value is not None))
    return [_decode(dict(row)) for row in connection.execute(query.order_by(reviews.c.review_id)).mappings()]


def votes_of(connection: Connection, run_id: str) -> dict[str, Counter[Answer]]:
    """How many people gave each answer, by item."""
    votes: dict[str, Counter[Answer]] = {}
    for review in stored_reviews(connection, run_id):
        votes.setdefault(review.item_id, Counter())[review.answer] += 1
    return votes


def human_label(votes: Mapping[Answer, int]) -> Label | None:
    """The label that more people give than the other one; ``None`` for a tie and where all are unsure."""
    n_match, n_no_match = votes.get(Answer.MATCH, 0), votes.get(Answer.NO_MATCH, 0)
    if n_match == n_no_match:
        return None
    return Label.MATCH if n_match > n_no_match else Label.NO_MATCH


def told_by_people(decision: Decision, votes: Mapping[Answer, int] | None) -> Decision:
    """The decision with ``human_label`` and ``human_votes`` in its provenance; its own label stays the teacher's."""
    if not votes:
        return decision
    label = human_label(votes)
    told = {"human_label": None if label is None else label.value, "human_votes": {answer.value: n for answer, n in sorted(votes.items())}}
    return replace(decision, provenance={**decision.provenance, **told})


def answered_ids(connection: Connection, run_id: str) -> set[str]:
    """The items of a run that somebody answered."""
    return set(connection.execute(select(reviews.c.item_id).where(reviews.c.run_id == run_id)).scalars())


def _is_standing() -> ColumnElement[bool]:
    later = items.alias("later")
    is_later = and_(later.c.run_id == waiting.c.run_id, later.c.item_id == waiting.c.item_id, later.c.attempt > waiting.c.attempt)
    return ~exists().where(is_later)


def _n_reviews(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(reviews)).scalar_one())


def _decode(row: Mapping[str, object]) -> Review:
    stored = StoredRow("reviews", row, "review_id")
    return Review(
        stored.text("run_id"), stored.text("item_id"), stored.text("rater"), stored.one_of(Answer, "label"),
        stored.one_of_or_none(Relation, "relation"), stored.text_or_none("note"), stored.number("created_at_s"),
    )  # fmt: skip
