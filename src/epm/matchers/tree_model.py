"""Boosted trees as arrays of numbers: fitted by scikit-learn, kept and walked without it, so that loading runs no code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from epm.matchers.word_statistics import FloatArray

_N_TREES = 150
_RATE = 0.08
_DEPTH = 4

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TreeModel:
    """All trees' nodes in one list, M nodes in all, with the places of the roots.

    At node i go to ``lower[i]`` if the feature is at most ``threshold[i]``, else to ``higher[i]``; both lie behind i. A leaf
    points at itself and its ``value`` is what the tree adds to the log-odds.
    """

    feature: IntArray = field(repr=False)
    threshold: FloatArray = field(repr=False)
    lower: IntArray = field(repr=False)
    higher: IntArray = field(repr=False)
    value: FloatArray = field(repr=False)
    roots: IntArray = field(repr=False)
    bias: float

    def log_odds(self, features: FloatArray) -> FloatArray:
        """The log-odds of a match, shape (N,), of features of shape (N, K)."""
        single = features.astype(np.float32)  # thresholds were chosen between values of single precision
        rows = np.arange(len(single))
        total = np.full(len(single), self.bias)
        for root in self.roots:
            at = np.full(len(single), root)
            while np.any(self.lower[at] != at):
                at = np.where(single[rows, self.feature[at]] <= self.threshold[at], self.lower[at], self.higher[at])
            total += self.value[at]
        return total

    @classmethod
    def fitted(cls, features: FloatArray, matches: FloatArray, sample_weights: FloatArray, *, seed: int) -> Self:
        """The trees of labelled features."""
        from sklearn.ensemble import GradientBoostingClassifier

        found = GradientBoostingClassifier(
            n_estimators=_N_TREES, learning_rate=_RATE, max_depth=_DEPTH, subsample=0.6, max_features=0.25, min_samples_leaf=10, random_state=seed,
        ).fit(features, matches, sample_weights)  # fmt: skip
        trees = [estimator.tree_ for estimator in found.estimators_[:, 0]]
        roots = np.cumsum([0, *(tree.node_count for tree in trees)])
        own = [np.arange(root, root + tree.node_count) for root, tree in zip(roots, trees, strict=False)]
        # scikit-learn marks leaves with child -1 and feature -2.
        lower, higher = (
            np.concatenate([np.where(side < 0, here, root + side) for side, here, root in zip(sides, own, roots, strict=False)])
            for sides in ([tree.children_left for tree in trees], [tree.children_right for tree in trees])
        )
        model = cls(
            np.concatenate([np.maximum(tree.feature, 0) for tree in trees]), np.concatenate([tree.threshold for tree in trees]), lower, higher,
            np.concatenate([_RATE * tree.value[:, 0, 0] for tree in trees]), roots[:-1], 0.0,
        )  # fmt: skip
        bias = float(found.decision_function(features[:1])[0] - model.log_odds(features[:1])[0])
        return cls(model.feature, model.threshold, model.lower, model.higher, model.value, model.roots, bias)
