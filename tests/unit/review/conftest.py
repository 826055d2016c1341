"""A store whose run has items that wait for people, two of them with hostile texts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from epm.decision import Decision
from epm.identity import STRICT
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.review.answer import Answer, Review
from epm.review.importing import RuleOfRun
from epm.store.records import ItemResult, RunSpec
from epm.store.review_queue import add_reviews
from epm.store.store import RunStore

EMPTY = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
BRAND = Comparison(attribute="brand", left="Kolvra", right="Kolvra", verdict=Verdict.SAME)
RATIONALE = Rationale(
    core=AxisFinding(comparisons=(BRAND,), verdict=Verdict.SAME),
    identifier=EMPTY,
    variant=EMPTY,
    relation=Relation.EXACT,
    label=Label.MATCH,
)
PAIRS = (
    Pair("p1", Listing("l1", "Kolvra KX-120", cluster_id="GOLDMARK"), Listing("r1", "Kolvra KX120"), gold_label=Label.NO_MATCH),
    Pair("p2", Listing("l2", "=cmd|' /C calc'!A0", brand="+1"), Listing("r2", "\x1b]0;owned\x07Kolvra\u202egnirts", attributes={"@SUM(A1)": "-2"})),
    Pair("=p3\x1b", Listing("l3", 'Kolvra, a "lamp";\nblack'), Listing("r3", "'=1+1 \ud800 lamp")),
    Pair("calm", Listing("l4", "Kolvra KX-9"), Listing("r4", "Kolvra KX-9")),
)  # fmt: skip
"""The last one never asked for a person."""


@dataclass(frozen=True)
class Queue:
    """The store, its run, and the identity rule of the run."""

    store: RunStore
    run_id: str
    rules: RuleOfRun

    def answer(self, item_id: str, rater: str, answer: Answer, note: str | None = None) -> int:
        review = Review(self.run_id, item_id, rater, answer, None, note, 1.0)
        return self.store.write(lambda connection: add_reviews(connection, [review]))


def decision(pair: Pair) -> Decision:
    asks = pair.id != "calm"
    reasons = ["low_confidence"] if asks else []
    return Decision.from_rationale(pair.id, RATIONALE, provenance={"needs_review": asks, "review_reasons": reasons})


@pytest.fixture
def queue(tmp_path) -> Iterator[Queue]:
    with RunStore.open(tmp_path / "store.db") as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0, {"identity": "strict"})).run_id
        for pair in PAIRS:
            asyncio.run(store.finish_item(run_id, ItemResult(pair.id, replace(pair), decision(pair))))
        yield Queue(store, run_id, {run_id: STRICT})
