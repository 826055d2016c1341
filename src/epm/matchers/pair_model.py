"""The fitted part of ``evidence-model``: what turns features into a calibrated probability, and the threshold for a match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from epm.matchers.linear_model import LinearModel
from epm.matchers.tree_model import TreeModel
from epm.matchers.word_statistics import FloatArray, WordStatistics

Recipe = Literal["linear", "trees", "linear+trees"]
RECIPES: tuple[Recipe, ...] = ("linear", "trees", "linear+trees")
"""What may score features; ``linear+trees`` is the mean of both log-odds."""


@dataclass(frozen=True, slots=True, eq=False)
class PairScorer:
    """Log-odds of a match from features: the mean of its parts, at least one."""

    linear: LinearModel | None = None
    trees: TreeModel | None = None

    def log_odds(self, features: FloatArray) -> FloatArray:
        """The log-odds, shape (N,), of features of shape (N, K)."""
        parts = [part.log_odds(features) for part in (self.linear, self.trees) if part is not None]
        mean: FloatArray = np.mean(parts, axis=0)
        return mean

    def only(self, recipe: Recipe) -> Self:
        """The parts that a recipe uses."""
        return replace(self, linear=None if recipe == "trees" else self.linear, trees=None if recipe == "linear" else self.trees)

    @classmethod
    def fitted(cls, recipe: Recipe, features: FloatArray, matches: FloatArray, sample_weights: FloatArray, *, seed: int) -> Self:
        """The scorer of that recipe on labelled features."""
        linear = None if recipe == "trees" else LinearModel.fitted(features, matches, sample_weights)
        trees = None if recipe == "linear" else TreeModel.fitted(features, matches, sample_weights, seed=seed)
        return cls(linear, trees)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From log-odds of a scorer to a probability: ``1 / (1 + exp(-(slope * log_odds + shift)))`` (Platt 1999)."""

    slope: float
    shift: float

    def probabilities(self, log_odds: FloatArray) -> FloatArray:
        """The probabilities in (0, 1), shape (N,)."""
        bounded = np.clip(self.slope * log_odds + self.shift, -30.0, 30.0)
        calibrated: FloatArray = 1 / (1 + np.exp(-bounded))
        return calibrated

    @classmethod
    def fitted(cls, log_odds: FloatArray, matches: FloatArray) -> Self:
        """The calibration of held-out log-odds."""
        from sklearn.linear_model import LogisticRegression

        found = LogisticRegression(C=1e6).fit(log_odds[:, None], matches)
        return cls(float(found.coef_[0, 0]), float(found.intercept_[0]))


@dataclass(frozen=True, slots=True, eq=False)
class PairModel:
    """Everything fitted: word statistics, scorer, calibration, and the probability from which on a pair is a match."""

    features: Sequence[str]
    words: WordStatistics
    scorer: PairScorer
    calibration: Calibration
    threshold: float

    def probabilities(self, features: FloatArray) -> FloatArray:
        """The calibrated probability of a match, shape (N,), of features of shape (N, K)."""
        return self.calibration.probabilities(self.scorer.log_odds(features)) if len(features) else np.zeros(0)
