"""The queue in the store: what enters it and leaves it, older stores, and what a purge takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.listing import Listing
from epm.pair import Pair
from epm.review.answer import Answer, Review
from epm.review.task import review_tasks
from epm.store.purge import What, purge_listing, purge_older
from epm.store.purged import PURGED
from epm.store.records import ItemResult, RunSpec
from epm.store.review_queue import (
    add_reviews,
    answered_ids,
    checkpoints_of,
    queue_keys,
    set_resumed,
    stored_reviews,
    to_resume,
    with_checkpoint,
)
from epm.store.schema import SCHEMA_VERSION
from epm.store.store import RunStore
from store_sql import run_sql

PAIR = Pair("p1", Listing("L9", 'Kolvra "KX-120"'), Listing("R9", "Kolvra KX120"))
FAILED = replace(Decision.failed("p1", ErrorClass.INVALID_STRUCTURE, "vetoed"), provenance={"needs_review": True})
WAITS = Decision("p1", Outcome.ABSTAINED, provenance={"needs_review": True, "n_calls": 3})
CALM = Decision("p1", Outcome.ABSTAINED, provenance={"needs_review": False})


def finish(store: RunStore, run_id: str, decision: Decision, checkpoint: str | None = None, pair: Pair = PAIR) -> None:
    asyncio.run(store.finish_item(run_id, ItemResult(pair.id, pair, with_checkpoint(decision, checkpoint))))


def answered(store: RunStore, run_id: str, item_id: str = "p1", note: str | None = None) -> None:
    store.write(lambda connection: add_reviews(connection, [Review(run_id, item_id, "ann", Answer.MATCH, None, note, 1.0)]))


@pytest.fixture
def run(address: str):
    with RunStore.open(address) as store:
        yield store, store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id


def test_an_item_that_asks_for_a_person_enters_the_queue_with_its_checkpoint_and_another_does_not(run) -> None:
    store, run_id = run
    finish(store, run_id, WAITS, "CHECK")
    finish(store, run_id, CALM, pair=replace(PAIR, id="p2"))
    assert store.read(queue_keys) == [(run_id, "p1")]
    assert store.read(lambda connection: checkpoints_of(connection, run_id, ["p1", "p2"])) == {"p1": "CHECK"}
    assert [dict(item.decision.provenance) for item in store.items(run_id)] == [dict(WAITS.provenance), dict(CALM.provenance)]


def test_an_attempt_waits_only_while_it_is_the_standing_one(run) -> None:
    store, run_id = run
    finish(store, run_id, FAILED, "FIRST")
    finish(store, run_id, FAILED, "SECOND")
    assert store.read(lambda connection: checkpoints_of(connection, run_id, ["p1"])) == {"p1": "SECOND"}
    assert store.read(queue_keys) == [(run_id, "p1")]
    finish(store, run_id, CALM)
    assert store.read(queue_keys) == []
    answered(store, run_id)
    assert store.read(lambda connection: to_resume(connection, run_id)) == []


def test_an_answered_item_is_to_be_resumed_until_it_went_on(run) -> None:
    store, run_id = run
    finish(store, run_id, WAITS, "CHECK")
    assert store.read(lambda connection: to_resume(connection, run_id)) == []
    answered(store, run_id)
    assert store.read(lambda connection: to_resume(connection, run_id)) == ["p1"]
    store.write(lambda connection: set_resumed(connection, run_id, "p1"))
    assert store.read(lambda connection: to_resume(connection, run_id)) == []
    assert store.read(lambda connection: answered_ids(connection, run_id)) == {"p1"}
    assert store.read(queue_keys) == [(run_id, "p1")]  # open for other raters still


def test_a_store_of_version_2_opens_and_its_items_that_asked_for_a_person_are_queued(address: str) -> None:
    with RunStore.open(address) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id
        finish(store, run_id, WAITS)
        finish(store, run_id, CALM, pair=replace(PAIR, id="p2"))
    run_sql(address, "DROP TABLE waiting", "DROP TABLE reviews", "UPDATE store_version SET version = 2")
    for _ in range(2):  # and once more, when it is a store of today
        with RunStore.open(address) as store:
            assert store.read(queue_keys) == [(run_id, "p1")]
            answered(store, run_id)
            assert store.read(lambda connection: to_resume(connection, run_id)) == []  # its answers were filed by the older epm
            assert {item.item_id: item.decision.provenance.get("human_label") for item in store.items(run_id)} == {
                "p1": "match",
                "p2": None,
            }
    assert run_sql(address, "SELECT version FROM store_version") == [(SCHEMA_VERSION,)]


@pytest.mark.parametrize("how", ["listing", "age"])
def test_a_purge_takes_notes_and_checkpoints_and_leaves_labels_and_raters(
    address: str, how: str, files_holding: Callable[[bytes], list[str]]
) -> None:
    title = json.dumps(PAIR.left.title)[1:-1]
    with RunStore.open(address) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id
        finish(store, run_id, WAITS, f'{{"text": "{title}"}}')
        quoting = replace(PAIR, id="p2", left=Listing("L3", "Zorblax"), right=Listing("R3", "Zorblax"))
        finish(store, run_id, replace(WAITS, pair_id="p2"), f'{{"text": "a rival is {title}"}}', pair=quoting)
        answered(store, run_id, note=f"it is the {PAIR.left.title}")
        answered(store, run_id, "p2", note="fine")
    if how == "listing":
        purge_listing(address, "L9", is_wanted=True)
    else:
        purge_older(address, -60.0, What.ALL, is_wanted=True)
    assert not files_holding(b"Kolvra") or how == "listing"
    assert files_holding(title.encode()) == []
    with RunStore.open(address) as store:
        assert store.read(lambda connection: checkpoints_of(connection, run_id, ["p1", "p2"])) == {}
        notes = {review.item_id: (review.rater, review.answer, review.note) for review in store.read(stored_reviews)}
        assert store.read(lambda connection: to_resume(connection, run_id)) == []
    assert notes == {"p1": ("ann", Answer.MATCH, PURGED), "p2": ("ann", Answer.MATCH, "fine" if how == "listing" else PURGED)}


def test_purged_items_are_not_shown_to_raters(address: str) -> None:
    with RunStore.open(address) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id
        finish(store, run_id, WAITS, "CHECK")
    purge_listing(address, "L9", is_wanted=True)
    with RunStore.open(address) as store:
        assert list(review_tasks(store, "ann", None, show_teacher=False)) == []
