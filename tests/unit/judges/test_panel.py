"""A panel averages what was scored, leaves out what was not, and lets checks override."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from epm.judge import JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.judges.panel import Panel, combine
from epm.pair import Pair
from epm.rationale import Axis, Rationale


def given(judge: str, core: float | None, *, cost_usd: float = 0.0) -> Judgement:
    score = AxisScore(Axis.CORE, core, "level", "reason") if core is not None else AxisScore.unscored(Axis.CORE, "timeout: slow")
    return Judgement("p", "sha", judge, (score,), cost_usd)


def test_an_axis_gets_the_mean_of_the_judges_that_scored_it() -> None:
    judgement = combine([given("a", 1.0, cost_usd=0.1), given("b", 0.5, cost_usd=0.2), given("c", None)])
    assert judgement.score(Axis.CORE) == 0.75
    assert judgement.cost_usd == pytest.approx(0.3)


def test_an_axis_that_nobody_scored_is_unscored_with_the_reasons() -> None:
    judgement = combine([given("a", None)])
    assert judgement.score(Axis.CORE) is None
    assert {score.axis: score.unscored_reason for score in judgement.scores} == {
        Axis.CORE: "a: timeout: slow", Axis.IDENTIFIER: "no judge grades it", Axis.VARIANT: "no judge grades it",
    }  # fmt: skip


def test_a_zero_from_checks_overrides_every_other_judge() -> None:
    assert combine([given("a", 1.0), given("checks", 0.0), given("b", 1.0)]).score(Axis.CORE) == 0.0


def test_a_zero_from_another_judge_is_one_voice_among_others() -> None:
    assert combine([given("checks", 1.0), given("a", 0.0)]).score(Axis.CORE) == 0.5


@dataclass
class Recorded:
    name: str
    calls: list[str]
    version: str = "1"

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        self.calls.append(self.name)
        return [given(self.name, 1.0) for _ in batch]


def test_veto_judges_run_first() -> None:
    calls: list[str] = []
    asyncio.run(Panel([Recorded("a", calls), Recorded("checks", calls)]).score([], JudgeContext()))
    assert calls == ["checks", "a"]
