"""A panel: several judges, and how their scores combine.

An axis gets the mean of the judges that scored it; unscored ones are left out, and an axis that nobody scored is unscored.
A veto judge runs first and overrides: where it scores an axis 0, the panel does too, whatever the others liked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from epm.judge import Judge, JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.judges.checks import NAME as CHECKS
from epm.pair import Pair
from epm.rationale import Axis, Rationale

DEFAULT_VETO = frozenset({CHECKS})


class Panel:
    """A judge made of judges; those named in ``veto`` run first."""

    version = "1"

    def __init__(self, judges: Sequence[Judge], *, veto: Collection[str] = DEFAULT_VETO, name: str = "panel") -> None:
        self.name = name
        self.judges = tuple(sorted(judges, key=lambda judge: judge.name not in veto))
        self.veto = frozenset(veto)

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        """The combined judgement of each rationale, in the same order."""
        by_judge = [await judge.score(batch, ctx) for judge in self.judges]
        return [combine(judgements, veto=self.veto, name=self.name) for judgements in zip(*by_judge, strict=True)]


def combine(judgements: Sequence[Judgement], *, veto: Collection[str] = DEFAULT_VETO, name: str = "panel") -> Judgement:
    """One judgement from several of the same rationale: means of scored axes, capped at 0 by a veto judge's 0."""
    first = judgements[0]
    scores = tuple(_combine_axis(axis, judgements, veto) for axis in Axis)
    return Judgement(first.pair_id, first.rationale_sha, name, scores, sum(judgement.cost_usd for judgement in judgements))


def _combine_axis(axis: Axis, judgements: Sequence[Judgement], veto: Collection[str]) -> AxisScore:
    given = [(judgement.judge, score) for judgement in judgements for score in judgement.scores if score.axis is axis]
    scored = [(judge, score.score, score) for judge, score in given if score.score is not None]
    if not scored:
        reasons = "; ".join(f"{judge}: {score.unscored_reason}" for judge, score in given) or "no judge grades it"
        return AxisScore.unscored(axis, reasons)
    vetoed = next(((judge, entry) for judge, value, entry in scored if judge in veto and value == 0.0), None)
    if vetoed is not None:
        return AxisScore(axis, 0.0, "vetoed", f"vetoed by {vetoed[0]}: {vetoed[1].reason}")
    mean = sum(value for _, value, _ in scored) / len(scored)
    return AxisScore(axis, mean, "mean", "; ".join(f"{judge}: {entry.level} ({entry.reason})" for judge, _, entry in scored))
