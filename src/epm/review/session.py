"""One rater's turn at the queue: an item is shown, asked about, and its answer is in the store before the next one is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from epm.review.answer import Review, Said
from epm.review.queue import open_keys, queued_items, shown
from epm.store.review_queue import add_reviews
from epm.store.store import RunStore

Ask = Callable[[Mapping[str, object]], Said | None]
"""Shows an item and returns what the rater says; ``None`` passes it over. Raises :class:`Stopped` when the rater stops."""


class Stopped(Exception):  # noqa: N818  # no error: the rater's way out
    """The rater stops; what was answered is kept."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How many items were answered, and how many are still open for the rater, those passed over included."""

    n_answered: int
    n_open: int


def review_turn(store: RunStore, rater: str, ask: Ask, *, run_id: str | None = None, show_teacher: bool = False) -> Turn:
    """What a rater's turn came to; it ends with the queue, or when the rater stops."""
    keys = open_keys(store, rater, run_id)
    n_answered = 0
    for key, item in queued_items(store, keys):
        try:
            said = ask({**shown(key, item, show_teacher=show_teacher), "n_open": len(keys) - n_answered})
        except Stopped:
            break
        if said is not None:
            review = Review(*key, rater, said.answer, said.relation, said.note, time.time())
            n_answered += store.write(lambda connection, review=review: add_reviews(connection, [review]))  # type: ignore[misc]
    return Turn(n_answered, len(keys) - n_answered)
