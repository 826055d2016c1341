"""What waits for one rater, in that rater's own order, and how an item is shown.

The order is a hash of rater and item: the same after every restart, without a relation to the teacher's order or to another rater's.
An item is shown blind: no gold label, no teacher's label, rationale or reason for review, for a rater who knows them judges them
and not the listings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from epm.decision import Decision
from epm.review.answer import Review
from epm.store.purged import is_purged
from epm.store.records import StoredItem
from epm.store.review_queue import ItemKey, queue_keys, stored_reviews
from epm.store.store import RunStore

_AT_ONCE = 100
"""Few, so that the first item is shown at once."""


def rater_order(rater: str, keys: list[ItemKey]) -> list[ItemKey]:
    """The keys in the rater's order."""
    return sorted(keys, key=lambda key: hashlib.sha256("\0".join((rater, *key)).encode("utf-8", "surrogatepass")).digest())


def open_keys(store: RunStore, rater: str, run_id: str | None = None) -> list[ItemKey]:
    """The items that the rater has not answered yet, in the rater's order."""
    keys = store.read(lambda connection: queue_keys(connection, run_id))
    answered = set(answers_of(store, rater, run_id))
    return rater_order(rater, [key for key in keys if key not in answered])


def answers_of(store: RunStore, rater: str, run_id: str | None = None) -> dict[ItemKey, Review]:
    """The rater's answers by item."""
    given = store.read(lambda connection: stored_reviews(connection, run_id, rater=rater))
    return {(review.run_id, review.item_id): review for review in given}


def queued_items(store: RunStore, keys: list[ItemKey]) -> Iterator[tuple[ItemKey, StoredItem]]:
    """The items of the keys, in their order; without those whose text a purge took, for nobody can judge them."""
    for start in range(0, len(keys), _AT_ONCE):
        block = keys[start : start + _AT_ONCE]
        found: dict[ItemKey, StoredItem] = {}
        for run_id in dict.fromkeys(run_id for run_id, _ in block):
            of_run = [item_id for its_run, item_id in block if its_run == run_id]
            found.update({(run_id, item.item_id): item for item in store.items(run_id, only=of_run)})
        yield from ((key, found[key]) for key in block if not is_purged(found[key].pair))


def shown(key: ItemKey, item: StoredItem, *, show_teacher: bool) -> dict[str, object]:
    """The item as JSON values, blind unless the teacher is to be shown."""
    blind: dict[str, object] = {"run": key[0], "item": key[1], "left": item.pair.left.texts(), "right": item.pair.right.texts()}
    return {**blind, "teacher": _teacher(item.decision)} if show_teacher else blind


def _teacher(decision: Decision) -> dict[str, object]:
    rationale = decision.rationale
    return {
        "outcome": decision.outcome.value, "label": decision.label, "relation": decision.relation,
        "rationale": None if rationale is None else rationale.model_dump(mode="json"), "error": decision.error,
        "review_reasons": decision.provenance.get("review_reasons", []),
    }  # fmt: skip
