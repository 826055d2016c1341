"""The queue as one rater meets it: blind, in an order of their own, nothing twice; and what several raters come to."""

from __future__ import annotations

import json

import pytest

from epm.relation import Label
from epm.review.answer import Answer, Said
from epm.review.queue import open_keys, rater_order
from epm.review.session import Stopped, review_turn
from epm.review.task import review_tasks
from epm.store.review_queue import human_label, queue_keys, stored_reviews


def test_only_items_that_asked_for_a_person_are_queued(queue) -> None:
    assert sorted(item_id for _, item_id in open_keys(queue.store, "ann")) == ["=p3\x1b", "p1", "p2"]
    assert open_keys(queue.store, "ann", "another run") == []


def test_an_item_is_shown_without_gold_teacher_or_other_raters(queue) -> None:
    queue.answer("p1", "bob", Answer.UNSURE, note="BOBSNOTE")
    shown: list[dict[str, object]] = []
    review_turn(queue.store, "ann", lambda item: shown.append(dict(item)))
    tasks = [task.view for task in review_tasks(queue.store, "ann", None, show_teacher=False)]
    assert [set(item) for item in shown] == [{"run", "item", "left", "right", "n_open"}] * 3
    assert [set(view) for view in tasks] == [{"run", "item", "left", "right"}] * 3
    for text in (json.dumps(shown), json.dumps(tasks)):
        assert not any(word in text for word in ("GOLDMARK", "no_match", "low_confidence", "verdict", "unsure", "BOBSNOTE", "exact"))


def test_the_teacher_is_shown_on_request_and_gold_never(queue) -> None:
    shown: list[dict[str, object]] = []
    review_turn(queue.store, "ann", lambda item: shown.append(dict(item)), show_teacher=True)
    teacher = shown[0]["teacher"]
    assert isinstance(teacher, dict)
    assert (teacher["label"], teacher["review_reasons"]) == ("match", ["low_confidence"])
    assert not any(word in json.dumps(shown) for word in ("GOLDMARK", "no_match"))


def test_an_answer_is_in_the_store_before_the_next_item_is_shown_and_is_not_asked_for_again(queue) -> None:
    seen: list[str] = []

    def ask(item):
        assert len(queue.store.read(stored_reviews)) == len(seen)
        if len(seen) == 2:
            raise Stopped
        seen.append(str(item["item"]))
        return Said(Answer.MATCH)

    turn = review_turn(queue.store, "ann", ask)
    assert (turn.n_answered, turn.n_open) == (2, 1)
    assert {item_id for _, item_id in open_keys(queue.store, "ann")} == {"p1", "p2", "=p3\x1b"} - set(seen)
    assert len(open_keys(queue.store, "bob")) == 3


def test_an_item_that_is_passed_over_stays_open(queue) -> None:
    turn = review_turn(queue.store, "ann", lambda _item: None)
    assert (turn.n_answered, turn.n_open) == (0, 3)
    assert len(open_keys(queue.store, "ann")) == 3


def test_each_rater_has_a_stable_order_of_their_own() -> None:
    keys = [("run", f"p{i}") for i in range(30)]
    orders = [rater_order(rater, keys) for rater in ("ann", "bob")]
    assert orders[0] != orders[1]
    assert orders[0] != keys
    assert rater_order("ann", keys[::-1]) == orders[0]


def test_a_second_rater_neither_changes_nor_loses_the_first_answer(queue) -> None:
    assert queue.answer("p1", "ann", Answer.MATCH, note="first") == 1
    assert queue.answer("p1", "bob", Answer.NO_MATCH) == 1
    assert queue.answer("p1", "ann", Answer.UNSURE) == 0
    kept = [(review.rater, review.answer, review.note) for review in queue.store.read(stored_reviews)]
    assert kept == [("ann", Answer.MATCH, "first"), ("bob", Answer.NO_MATCH, None)]


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ({Answer.MATCH: 2, Answer.NO_MATCH: 1}, Label.MATCH),
        ({Answer.MATCH: 1, Answer.NO_MATCH: 2, Answer.UNSURE: 5}, Label.NO_MATCH),
        ({Answer.MATCH: 1, Answer.NO_MATCH: 1}, None),
        ({Answer.UNSURE: 3}, None),
        ({Answer.MATCH: 1, Answer.UNSURE: 1}, Label.MATCH),
        ({}, None),
    ],
)
def test_the_majority_of_labels_decides_and_a_tie_decides_nothing(votes, label) -> None:
    assert human_label(votes) is label


def test_a_human_label_stands_beside_gold_and_teacher_and_changes_neither(queue) -> None:
    queue.answer("p1", "ann", Answer.NO_MATCH)
    queue.answer("p1", "bob", Answer.UNSURE)
    items = {item.item_id: item for item in queue.store.items(queue.run_id)}
    answered = items["p1"]
    assert answered.decision.provenance["human_label"] == "no_match"
    assert answered.decision.provenance["human_votes"] == {"no_match": 1, "unsure": 1}
    assert (answered.decision.label, answered.pair.gold_label) == (Label.MATCH, Label.NO_MATCH)
    assert "human_label" not in items["p2"].decision.provenance


def test_an_answered_item_stays_in_the_queue_of_the_others(queue) -> None:
    queue.answer("p1", "ann", Answer.MATCH)
    assert len(queue.store.read(queue_keys)) == 3
