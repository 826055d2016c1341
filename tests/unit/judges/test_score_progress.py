"""What a scoring shows while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from epm.gateway.request import ModelSettings
from epm.judge import JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.judges.score import score_run
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matching import match_pairs
from epm.pair import Pair
from epm.progress import ProgressEvent
from epm.rationale import Axis, Rationale
from epm.store.records import ItemResult, RunSpec
from epm.store.store import RunStore


class Moody:
    """Leaves the first rationale unscored, and was answered from the cache on the second."""

    name, version = "core", "1"

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        scores = [AxisScore.unscored(Axis.CORE, "timeout: late"), *[AxisScore(Axis.CORE, 1.0, "sound")] * 2]
        return [Judgement(pair.id, rationale.sha(), self.name, (scores[i],), is_cached=i == 1) for i, (pair, rationale) in enumerate(batch)]


def test_an_unscored_rationale_is_counted_as_unscored_not_as_failed(tmp_path: Path) -> None:
    pairs = [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i}"), Listing(f"r{i}", f"Kolvra KX-{i}")) for i in range(3)]
    events: list[ProgressEvent] = []
    with RunStore.open(tmp_path / "s.db") as store:
        run_id = store.begin(RunSpec("teach", "sha", "evidence-rules", "none", "rules", 0, {})).run_id
        for pair, decision in zip(pairs, match_pairs(pairs, "evidence-rules", ctx=MatchContext()), strict=True):
            asyncio.run(store.finish_item(run_id, ItemResult(pair.id, pair, decision)))
        asyncio.run(score_run(run_id, [Moody()], JudgeContext(), store=store, on_progress=events.append))
        asyncio.run(score_run(run_id, [Moody()], JudgeContext(), store=store, on_progress=events.append))
    first, again = events[1], events[3]
    assert (first.n_done, first.n_failed, first.n_unscored, first.n_cached, first.n_before) == (3, 0, 1, 1, 0)
    assert (again.n_done, again.n_failed, again.n_unscored, again.n_before) == (3, 0, 1, 2)


class Asking(Moody):
    """Scores everything with the model of the command, and counts how often it is asked."""

    def __init__(self) -> None:
        self.n_asked = 0

    def asks(self, model: ModelSettings | None) -> str | None:
        return None if model is None else model.asked

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        self.n_asked += len(batch)
        sound = (AxisScore(Axis.CORE, 1.0, "sound"),)
        return [Judgement(pair.id, rationale.sha(), self.name, sound, asked=self.asks(ctx.model)) for pair, rationale in batch]


def test_a_score_stands_for_the_model_and_the_effort_that_gave_it(tmp_path: Path) -> None:
    pair, judge = Pair("p", Listing("l", "Kolvra KX-1"), Listing("r", "Kolvra KX-1")), Asking()
    low, high = (ModelSettings("openai/m", reasoning_effort=effort) for effort in ("low", "high"))
    asked = []
    with RunStore.open(tmp_path / "s.db") as store:
        run_id = store.begin(RunSpec("teach", "sha", "evidence-rules", "none", "rules", 0, {})).run_id
        [decision] = match_pairs([pair], "evidence-rules", ctx=MatchContext())
        asyncio.run(store.finish_item(run_id, ItemResult(pair.id, pair, decision)))
        for model in (low, low, high, high, None, ModelSettings("openai/m")):
            asyncio.run(score_run(run_id, [judge], JudgeContext(model=model), store=store))
            asked.append(judge.n_asked)
        [judgement] = store.judgements(run_id)
    assert asked == [1, 1, 2, 2, 2, 3]
    assert judgement.asked == "openai/m"
