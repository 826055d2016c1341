"""Figures of recall: from what became of each pair's questions to rates with 95 % intervals and paired differences.

Rates are ratios of sums over the pairs; intervals come from two-way resampling over left and right products. They weigh the
pairs of one order: another order would make other reuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from epm.eval.intervals import Difference, Interval, TwoWay, percentile_interval
from epm.eval.metrics import FloatArray
from epm.evidence.decisive import QuestionCoverage

COLUMNS = ("pairs", "questions", "reused", "right", "wrong", "searches", "tokens")
"""What is counted of each pair, in the order of a row."""
_RATIOS = {
    "reuse": (("reused",), ("questions",)), "precision": (("right",), ("right", "wrong")), "searches_per_pair": (("searches",), ("pairs",)),
    "tokens_per_pair": (("tokens",), ("pairs",)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of sums over the pairs with its interval; ``None`` where undefined."""

    value: float | None
    ci95: Interval | None


@dataclass(frozen=True, slots=True)
class RecallFigures:
    """One way's figures. ``reuse`` is per question, ``precision`` per reuse that gold can judge; tokens are of recall and research only."""

    way: str
    n_pairs: int
    n_questions: int
    n_reused: int
    n_right: int
    n_wrong: int
    n_unjudged: int
    n_searches: int
    n_tokens: int
    reuse: Ratio
    precision: Ratio
    searches_per_pair: Ratio
    tokens_per_pair: Ratio


@dataclass(frozen=True, slots=True)
class CoverageFigures:
    """What the questions covered: ``recall`` of decisive attributes and ``idle`` share of questions, in [0, 1]; counts by attribute."""

    n_decisive: int
    n_asked: int
    n_questions: int
    n_idle: int
    recall: Ratio
    idle: Ratio
    decisive: dict[str, int]
    asked: dict[str, int]


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """The figures of every way, the coverage of the questions that all of them answered, and what the first way differs by."""

    ways: tuple[RecallFigures, ...]
    coverage: CoverageFigures
    differences: dict[str, dict[str, Difference]]
    """First way minus another, by the other's name and the figure's."""

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


def recall_figures(name: str, rows: FloatArray, plan: TwoWay) -> RecallFigures:
    """The figures of one way; ``rows`` has shape (pairs, columns)."""
    total = dict(zip(COLUMNS, (int(value) for value in rows.sum(axis=0)), strict=True))
    ratios = {figure: _ratio(_sum(rows, part), _sum(rows, whole), plan) for figure, (part, whole) in _RATIOS.items()}
    return RecallFigures(
        name, total["pairs"], total["questions"], total["reused"], total["right"], total["wrong"],
        total["reused"] - total["right"] - total["wrong"], total["searches"], total["tokens"], **ratios,
    )  # fmt: skip


def recall_differences(first: FloatArray, other: FloatArray, plan: TwoWay) -> dict[str, Difference]:
    """``first`` minus ``other`` by figure, on the same resamples."""
    found: dict[str, Difference] = {}
    for figure, (part, whole) in _RATIOS.items():
        drawn, here = (
            np.subtract(*(_divided(np.stack([_sum(sums, part), _sum(sums, whole)], axis=1)) for sums in sides))
            for sides in ((plan.sums(first), plan.sums(other)), (first.sum(axis=0)[None], other.sum(axis=0)[None]))
        )
        found[figure] = Difference(None if np.isnan(here[0]) else float(here[0]), percentile_interval(drawn))
    return found


def coverage_figures(coverages: Sequence[QuestionCoverage], plan: TwoWay) -> CoverageFigures:
    """The coverage of the question sets of all pairs."""
    counts = [(len(one.decisive), len(one.asked), one.n_questions, one.n_idle) for one in coverages]
    decisive, asked, questions, idle = np.asarray(counts, dtype=np.float64).reshape(-1, 4).T
    return CoverageFigures(
        int(decisive.sum()), int(asked.sum()), int(questions.sum()), int(idle.sum()), _ratio(asked, decisive, plan), _ratio(idle, questions, plan),
        dict(Counter(name for one in coverages for name in one.decisive).most_common()),
        dict(Counter(name for one in coverages for name in one.asked).most_common()),
    )  # fmt: skip


def _sum(rows: FloatArray, names: Sequence[str]) -> FloatArray:
    found: FloatArray = rows[:, [COLUMNS.index(name) for name in names]].sum(axis=1)
    return found


def _ratio(part: FloatArray, whole: FloatArray, plan: TwoWay) -> Ratio:
    columns = np.stack([part, whole], axis=1)
    value = _divided(columns.sum(axis=0)[None])[0]
    return Ratio(None if np.isnan(value) else float(value), percentile_interval(_divided(plan.sums(columns))))


def _divided(sums: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)
    return found
