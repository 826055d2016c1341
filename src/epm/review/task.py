"""An item on its way to a rater, and a rater's answer on its way back: what every file format of the queue carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from epm.review.answer import Review
from epm.review.queue import answers_of, queued_items, rater_order, shown
from epm.store.review_queue import queue_keys
from epm.store.store import RunStore


@dataclass(frozen=True, slots=True)
class ReviewTask:
    """An item as the rater sees it, with the rater's answer if it has one. ``view`` is what :func:`shown` gives."""

    run_id: str
    item_id: str
    rater: str
    view: Mapping[str, object]
    given: Review | None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer as it stands in a file, unchecked. ``place`` names where, such as ``line 3``."""

    place: str
    run_id: str
    item_id: str
    rater: str
    label: str
    relation: str
    note: str
    problem: str | None = None


def review_tasks(store: RunStore, rater: str, run_id: str | None, *, show_teacher: bool) -> Iterator[ReviewTask]:
    """Every item of the queue in the rater's order, with the answers that the rater gave already."""
    keys = rater_order(rater, store.read(lambda connection: queue_keys(connection, run_id)))
    given = answers_of(store, rater, run_id)
    for key, item in queued_items(store, keys):
        yield ReviewTask(*key, rater, shown(key, item, show_teacher=show_teacher), given.get(key))
