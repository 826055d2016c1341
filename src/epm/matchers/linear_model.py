"""A logistic model as numbers: standardised features times weights, as log-odds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from epm.matchers.word_statistics import FloatArray

_INVERSE_PENALTY = 0.1
"""The usual 1 overweighs features that hardly ever occur."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Weights and bias over raw features, shape (K,): the standardisation is folded into them."""

    weights: FloatArray = field(repr=False)
    bias: float

    def log_odds(self, features: FloatArray) -> FloatArray:
        """The log-odds of a match, shape (N,), of features of shape (N, K)."""
        # A row's sum must not depend on how many rows are scored with it, as a matrix product's may.
        scores: FloatArray = (features * self.weights).sum(axis=1) + self.bias
        return scores

    @classmethod
    def fitted(cls, features: FloatArray, matches: FloatArray, sample_weights: FloatArray) -> Self:
        """The model of labelled features."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(features)
        found = LogisticRegression(C=_INVERSE_PENALTY, max_iter=2000).fit(scaler.transform(features), matches, sample_weights)
        weights = np.asarray(found.coef_[0] / scaler.scale_, dtype=np.float64)
        return cls(weights, float(found.intercept_[0] - weights @ scaler.mean_))
