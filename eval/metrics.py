"""Metrics of decided pairs: pure functions of gold labels, decisions and scores.

One rule holds everywhere: an abstained, failed or undecidable pair counts as predicted non-match and lowers coverage.
A figure that is undefined (precision without a predicted match, recall without a positive) is ``None``, never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epm.decision import Decision, Outcome
from epm.errors import DataError
from epm.pair import Pair
from epm.relation import Label

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
HIGH_PRECISION = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What one matcher said about N labelled pairs; all arrays have shape (N,).

    ``scores`` are probabilities of match in [0, 1], 0 for every undecided pair; ``None`` when the matcher left some
    decided pair without one, or only repeats its labels as 0 and 1. ``left`` and ``right`` are product ids, the units of resampling.
    """

    gold: BoolArray
    predicted: BoolArray
    decided: BoolArray
    scores: FloatArray | None
    left: tuple[str, ...]
    right: tuple[str, ...]
    n_failed: int

    def at_threshold(self, threshold: float) -> Outcomes:
        """The same outcomes with ``match`` predicted exactly for decided pairs scored at the threshold or above."""
        if self.scores is None:
            raise ValueError("these outcomes have no scores, so no threshold applies to them")
        predicted = self.decided & (self.scores >= threshold)
        return Outcomes(self.gold, predicted, self.decided, self.scores, self.left, self.right, self.n_failed)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one matcher on N labelled pairs; ``None`` where undefined."""

    n: int
    positives: int
    precision: float | None
    recall: float | None
    f1: float | None
    accuracy: float | None
    auprc: float | None
    recall_at_p99: float | None
    coverage: float | None
    n_failed: int


def outcomes(pairs: Sequence[Pair], decisions: Sequence[Decision]) -> Outcomes:
    """The outcomes of decisions on labelled pairs, in the order of the pairs.

    Raises:
        ValueError: a pair without gold label, or decisions that are not one for each pair in order.
    """
    if [p.id for p in pairs] != [d.pair_id for d in decisions]:
        raise ValueError(f"{len(decisions)} decisions do not follow the {len(pairs)} pairs one to one and in order")
    if any(p.gold_label is None for p in pairs):
        raise ValueError("every pair needs a gold label here; leave unlabelled pairs out first")
    decided = np.array([d.outcome is Outcome.DECIDED for d in decisions], dtype=np.bool_)
    return Outcomes(
        gold=np.array([p.gold_label is Label.MATCH for p in pairs], dtype=np.bool_),
        predicted=np.array([d.label is Label.MATCH for d in decisions], dtype=np.bool_),
        decided=decided,
        scores=_scores(decisions),
        left=tuple(p.left.product_id() for p in pairs),
        right=tuple(p.right.product_id() for p in pairs),
        n_failed=sum(d.outcome is Outcome.FAILED for d in decisions),
    )


def measure(seen: Outcomes) -> Metrics:
    """Every metric of the outcomes, at the predictions they hold."""
    n = int(seen.gold.size)
    hits, positives, predicted = int((seen.gold & seen.predicted).sum()), int(seen.gold.sum()), int(seen.predicted.sum())
    return Metrics(
        n=n,
        positives=positives,
        precision=ratio(hits, predicted),
        recall=ratio(hits, positives),
        f1=f1_score(hits, predicted, positives),
        accuracy=ratio(int((seen.gold == seen.predicted).sum()), n),
        auprc=average_precision(seen.gold, seen.scores),
        recall_at_p99=recall_at_precision(seen.gold, seen.scores, HIGH_PRECISION),
        coverage=ratio(int(seen.decided.sum()), n),
        n_failed=seen.n_failed,
    )


def ratio(part: float, whole: float) -> float | None:
    """``part / whole``; ``None`` when the whole is zero."""
    return None if whole == 0 else part / whole


def f1_score(hits: int, predicted: int, positives: int) -> float | None:
    """2·TP / (predicted + positives); ``None`` when there is neither a predicted nor a true match."""
    return ratio(2 * hits, predicted + positives)


def average_precision(gold: BoolArray, scores: FloatArray | None) -> float | None:
    """Area under the precision-recall curve (step-wise); ``None`` without scores or without positives."""
    curve = precision_recall_curve(gold, scores)
    if curve is None:
        return None
    gained = np.diff(curve.recall, prepend=0.0)
    return float((gained * curve.precision).sum())


def recall_at_precision(gold: BoolArray, scores: FloatArray | None, precision: float) -> float | None:
    """The highest recall at any threshold with at least that precision; 0 when none has it, ``None`` where undefined."""
    curve = precision_recall_curve(gold, scores)
    if curve is None:
        return None
    reached = curve.recall[curve.precision >= precision]
    return float(reached.max()) if reached.size else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecallCurve:
    """One point for each distinct score, from the highest down: predict match at that score or above."""

    thresholds: FloatArray
    precision: FloatArray
    recall: FloatArray


def precision_recall_curve(gold: BoolArray, scores: FloatArray | None) -> PrecisionRecallCurve | None:
    """The curve over all distinct scores; ``None`` without scores or without positives."""
    positives = int(gold.sum())
    if scores is None or positives == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(gold[order])
    last_of_score = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    return PrecisionRecallCurve(ranked[last_of_score], hits[last_of_score] / (last_of_score + 1), hits[last_of_score] / positives)


def choose_threshold(seen: Outcomes) -> float | None:
    """The score at or above which to predict match for the best F1; ``None`` when the outcomes have no scores.

    Ties go to the highest threshold, that is to fewer predicted matches. The threshold lies half-way to the next lower
    score, so that it is not the score of one pair.

    Raises:
        DataError: scores, but no labelled match to choose on.
    """
    if seen.scores is None:
        return None
    decided = seen.decided
    curve = precision_recall_curve(seen.gold[decided], seen.scores[decided])
    if curve is None:
        raise DataError(f"no threshold can be chosen on {seen.gold.size} validation pairs without a decided match; give labelled matches")
    all_positives, decided_positives = int(seen.gold.sum()), int(seen.gold[decided].sum())
    hits = curve.recall * decided_positives
    f1 = 2 * hits / (hits / curve.precision.clip(min=1e-12) + all_positives) if decided_positives else np.zeros_like(hits)
    f1 = np.where(hits > 0, f1, 0.0)
    best = int(np.flatnonzero(f1 >= f1.max() - 1e-12)[0])
    return _between(curve.thresholds, best)


def _between(thresholds: FloatArray, best: int) -> float:
    chosen = float(thresholds[best])
    if best + 1 == thresholds.size:
        return chosen
    middle = (chosen + float(thresholds[best + 1])) / 2
    return middle if middle > float(thresholds[best + 1]) else chosen


def _scores(decisions: Sequence[Decision]) -> FloatArray | None:
    decided = [d for d in decisions if d.outcome is Outcome.DECIDED]
    if not decided or any(d.probability is None for d in decided):
        return None
    if all(d.probability == float(d.label is Label.MATCH) for d in decided):
        return None  # zeros and ones that repeat the labels rank nothing
    return np.array([d.probability if d.outcome is Outcome.DECIDED else 0.0 for d in decisions], dtype=np.float64)
