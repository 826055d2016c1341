"""Preferences between question sets: scored by gold, best against worst, and gold in no message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from epm.decision import Decision, Outcome
from epm.distill.dataset_files import write_rows
from epm.distill.question_preferences import PreferenceView, question_preferences, settling_score
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

PROMPT = {"id": "teacher/ask.v1", "sha256": "0" * 64, "system": "You prepare.", "user": "Which questions?"}


@dataclass(frozen=True)
class Item:
    pair: Pair
    decision: Decision


def variant(reply: str | None, label: str | None, *, n_searches: int = 1, examples: tuple[str, ...] = (), error: str | None = None):
    return {"examples": list(examples), "reply": reply, "label": label, "error_class": error, "n_searches": n_searches, "n_questions": 1}


def item(*variants: dict[str, object], gold: Label | None = Label.MATCH) -> Item:
    pair = Pair("p1", Listing("l", "a"), Listing("r", "b"), gold_label=gold)
    provenance = {"model": "m", "ask_prompt": PROMPT, "examples_sha": "1", "variants": list(variants), "n_calls": 3}
    return Item(pair, Decision("p1", Outcome.DECIDED, label=Label.MATCH, provenance=provenance))


def view(*items: Item) -> PreferenceView:
    return question_preferences(items, "run-1")


RIGHT, OPEN, WRONG = variant("right", "match", examples=("a", "b")), variant("open", None), variant("wrong", "no_match")


@pytest.mark.parametrize(("label", "score"), [(Label.MATCH, 1.0), (None, 0.0), (Label.NO_MATCH, -1.0)])
def test_the_gold_label_scores_above_an_open_pair_and_that_above_the_wrong_label(label: Label | None, score: float) -> None:
    assert settling_score(label, Label.MATCH) == score


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_best_set_is_chosen_and_the_worst_rejected_whatever_their_order(order: tuple[int, ...]) -> None:
    [row] = view(item(*[[RIGHT, OPEN, WRONG][i] for i in order])).rows
    assert (row.chosen[0].content, row.rejected[0].content) == ("right", "wrong")
    assert (row.score_chosen, row.score_rejected) == (1.0, -1.0)
    assert (row.label_chosen, row.label_rejected, row.gold_label) == (Label.MATCH, Label.NO_MATCH, Label.MATCH)
    assert (row.variant_chosen, row.variant_rejected, row.n_variants, row.run_id) == ("a+b", "plain", 3, "run-1")


def test_the_same_variants_are_preferred_the_other_way_round_for_the_other_gold_label() -> None:
    [row] = view(item(RIGHT, WRONG, gold=Label.NO_MATCH)).rows
    assert (row.chosen[0].content, row.rejected[0].content) == ("wrong", "right")


def test_among_equal_scores_fewer_searches_are_better() -> None:
    [row] = view(
        item(variant("dear", "match", n_searches=4), variant("cheap", "match", n_searches=0), variant("idle", None, n_searches=0), OPEN)
    ).rows
    assert (row.chosen[0].content, row.rejected[0].content) == ("cheap", "open")


def test_the_prompt_is_the_plain_one_and_gold_is_in_no_message() -> None:
    [row] = view(item(RIGHT, OPEN)).rows
    assert [(m.role, m.content) for m in row.prompt] == [("system", "You prepare."), ("user", "Which questions?")]
    [other] = view(item(WRONG, OPEN, gold=Label.NO_MATCH)).rows
    assert row.prompt == other.prompt


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (item(RIGHT, RIGHT), "all variants score alike"),
        (item(RIGHT, variant("right", None)), "all variants score alike"),
        (item(RIGHT, variant(None, None, error="timeout")), "all variants score alike"),
        (item(RIGHT, WRONG, gold=None), "no gold label"),
        (Item(Pair("p", Listing("l", "a"), Listing("r", "b"), gold_label=Label.MATCH), Decision("p", Outcome.ABSTAINED)), "no variants of questions"),
    ],
)  # fmt: skip
def test_without_a_difference_or_a_gold_label_there_is_no_row_but_a_reason(found: Item, reason: str) -> None:
    assert (view(found).rows, view(found).dropped, view(found).n_items) == ((), {reason: 1}, 1)


def test_what_each_variant_came_to_is_counted_failures_apart() -> None:
    found = view(item(RIGHT, OPEN), item(variant(None, None, examples=("a", "b"), error="refusal"), WRONG))
    assert found.scores == {"a+b": {"right": 1, "failed": 1}, "plain": {"open": 1, "wrong": 1}}


def test_json_lines_and_parquet_hold_the_same_conversations(tmp_path: Path) -> None:
    rows = view(item(RIGHT, WRONG)).rows
    write_rows(tmp_path / "p.jsonl", rows, is_nested=True)
    write_rows(tmp_path / "p.parquet", rows, is_nested=True)
    [written] = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert pq.read_table(tmp_path / "p.parquet").to_pylist() == [written]
    assert written["chosen"] == [{"role": "assistant", "content": "right"}]
