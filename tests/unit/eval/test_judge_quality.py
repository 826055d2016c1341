"""Judges are measured by how sound and corrupted rationales rank; unscored is counted apart and never a zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from epm.eval.corrupt import Corruption
from epm.eval.judge_quality import OVERALL, JudgeQuality, judge_quality
from epm.judge import JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.pair import Pair
from epm.rationale import Axis, Rationale

Grade = Callable[[Rationale, Axis], float | None]


@pytest.fixture
def items(sound: tuple[Pair, Rationale]) -> list[tuple[Pair, Rationale]]:
    pair, rationale = sound
    return [
        (replace(pair, id=f"p{i}", left=replace(pair.left, id=f"l{i}"), right=replace(pair.right, id=f"r{i}")), rationale)
        for i in range(12)
    ]


@dataclass(frozen=True)
class FakeJudge:
    """Scores an axis by a function of (rationale, axis); ``None`` is unscored."""

    grade: Callable[[Rationale, Axis], float | None]
    axes: tuple[Axis, ...] = tuple(Axis)
    name: str = "fake"
    version: str = "1"

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        return [
            Judgement(pair.id, rationale.sha(), self.name, tuple(map(self._axis, [rationale] * 3, self.axes))) for pair, rationale in batch
        ]

    def _axis(self, rationale: Rationale, axis: Axis) -> AxisScore:
        grade = self.grade(rationale, axis)
        return AxisScore.unscored(axis, "no answer") if grade is None else AxisScore(axis, grade)


def measure(items: list[tuple[Pair, Rationale]], grade: Grade, **more: object) -> JudgeQuality:
    return judge_quality(FakeJudge(grade, **more), items, seed=0, ctx=JudgeContext())


def knows(items: list[tuple[Pair, Rationale]]) -> Callable[[Rationale, Axis], float]:
    """A judge that sees every change of an axis, of label and relation, but not of order or case."""

    def meaning(rationale: Rationale, axis: Axis) -> object:
        cells = sorted((c.attribute.lower(), str(c.left), str(c.right), c.verdict) for c in rationale.finding(axis).comparisons)
        return cells, rationale.finding(axis).verdict, rationale.label, rationale.relation

    return lambda rationale, axis: float(meaning(rationale, axis) == meaning(items[0][1], axis))


def test_a_judge_that_sees_everything_scores_one_and_a_constant_judge_one_half(items: list[tuple[Pair, Rationale]]) -> None:
    seeing, blind = measure(items, knows(items)), measure(items, lambda _rationale, _axis: 0.7)
    for name in (*Axis, OVERALL):
        assert seeing.by_axis[name].auroc == 1.0
        assert seeing.by_axis[name].ci95 == (1.0, 1.0)
        assert blind.by_axis[name].auroc == 0.5


def test_a_reversed_judge_scores_zero(items: list[tuple[Pair, Rationale]]) -> None:
    grade = knows(items)
    assert measure(items, lambda rationale, axis: 1 - grade(rationale, axis)).by_axis[OVERALL].auroc == 0.0


def test_unscored_rationales_are_counted_apart_and_do_not_lower_the_figure(items: list[tuple[Pair, Rationale]]) -> None:
    grade = knows(items)
    found = measure(items, lambda r, a: grade(r, a) if r.sha()[0] in "0123456789abc" or grade(r, a) == 1.0 else None)
    assert found.by_axis[Axis.CORE].auroc == 1.0
    assert found.by_axis[Axis.CORE].n_unscored + found.by_axis[Axis.VARIANT].n_unscored > 0
    silent = measure(items, lambda _rationale, _axis: None)
    assert (silent.by_axis[OVERALL].auroc, silent.by_axis[OVERALL].n_sound) == (None, 0)
    json.dumps(silent.to_json(), allow_nan=False)


def test_a_judge_of_one_axis_is_measured_on_the_corruptions_of_that_axis_alone(items: list[tuple[Pair, Rationale]]) -> None:
    found = measure(items, knows(items), axes=(Axis.IDENTIFIER,))
    assert set(found.by_axis) == {Axis.IDENTIFIER, OVERALL}
    assert found.by_axis[OVERALL].n_corrupted == found.by_axis[Axis.IDENTIFIER].n_corrupted < 8 * len(items)


def test_each_corruption_says_how_far_the_score_fell(items: list[tuple[Pair, Rationale]]) -> None:
    effects = {effect.corruption: effect for effect in measure(items, knows(items)).effects}
    assert (effects[Corruption.IDENTIFIER_DIGIT].mean_drop, effects[Corruption.IDENTIFIER_DIGIT].fallen_share) == (1.0, 1.0)
    assert (effects[Corruption.CELL_ORDER].mean_drop, effects[Corruption.CELL_ORDER].n) == (0.0, 36)
    assert effects[Corruption.OTHER_PAIR_CELLS].n == 0  # all items share one rationale: no foreign cells


def test_a_judge_that_loses_a_rationale_is_refused(items: list[tuple[Pair, Rationale]]) -> None:
    class Losing(FakeJudge):
        async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
            return (await super().score(batch, ctx))[1:]

    with pytest.raises(ValueError, match="returned"):
        judge_quality(Losing(knows(items)), items, seed=0, ctx=JudgeContext())
