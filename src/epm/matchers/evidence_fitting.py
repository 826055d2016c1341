"""Fitting ``evidence-model``: recipe, calibration and threshold are chosen on pairs whose products the fit has not seen.

The pairs are cut by :mod:`epm.matchers.product_folds`. Each recipe is tried on all folds; the one with the best F1 is
fitted on everything. Figures are those of the held-out pairs, the beaten recipes included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from epm.artifact import ArtifactCard, write_card
from epm.errors import TrainError
from epm.evidence.engine import engine_version
from epm.files.pairs import PairFile
from epm.matchers.evidence_features import FEATURES, feature_matrix, read_pair
from epm.matchers.operating_point import best_threshold, f1_of_counts
from epm.matchers.pair_model import RECIPES, Calibration, PairModel, PairScorer, Recipe
from epm.matchers.pair_model_file import write_pair_model
from epm.matchers.product_folds import Trial, product_trials
from epm.matchers.text_similarity import gold_matches
from epm.matchers.word_statistics import FloatArray, WordStatistics, count_words
from epm.pair import Pair

N_FOLDS = 4
_MIN_MATCHES = 20


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What one recipe said about pairs of unseen products, and what follows from it."""

    recipe: Recipe
    calibration: Calibration
    threshold: float
    probabilities: FloatArray
    f1: float
    n_pairs: int
    n_matches: int


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """The model with the held-out figures of the chosen recipe first, the beaten ones after it."""

    model: PairModel
    trials: tuple[HeldOut, ...]
    n_pairs: int
    n_matches: int

    def figures(self) -> dict[str, object]:
        """What goes on the card."""
        chosen = self.trials[0]
        return {
            "n_pairs": self.n_pairs, "n_matches": self.n_matches, "recipe": chosen.recipe, "threshold": chosen.threshold,
            "n_held_out": chosen.n_pairs, "n_held_out_matches": chosen.n_matches,
            "held_out_f1": {trial.recipe: round(trial.f1, 4) for trial in self.trials},
        }  # fmt: skip


def fit_evidence_model(train: PairFile, folder: Path, *, n_folds: int = N_FOLDS, seed: int = 0) -> ArtifactCard:
    """Fit on the labelled pairs of a file and write the artifact; the same file and seed give the same model.

    Raises:
        TrainError: too few matches or non-matches, or features that tell nothing.
        ArtifactError, DataError: the folder cannot be written.
    """
    fitted = fit(train.pairs, n_folds=n_folds, seed=seed)
    write_pair_model(folder, fitted.model)
    return write_card(
        folder, kind="evidence-model", name="evidence-model", data={"train": train.sha256},
        config={"seed": seed, "n_folds": n_folds, "engine": engine_version()},
        versions={name: version(name) for name in ("scikit-learn", "numpy", "rapidfuzz")}, figures=fitted.figures(),
    )  # fmt: skip


def fit(pairs: Sequence[Pair], *, n_folds: int = N_FOLDS, seed: int = 0) -> FittedModel:
    """The model of labelled pairs; pairs without a label are left out.

    Raises:
        TrainError: too few matches or non-matches, or features that tell nothing.
    """
    labelled, labels = gold_matches(pairs)
    matches = np.asarray(labels, dtype=np.float64)
    if pairs and not labelled:
        raise TrainError(
            f"evidence-model needs labels, but none of the {len(pairs)} pairs has a label: the column gold_label (or label) is absent or empty; fill it with match and no_match"
        )
    if min(matches.sum(), (1 - matches).sum()) < _MIN_MATCHES:
        msg = f"evidence-model needs at least {_MIN_MATCHES} matches and {_MIN_MATCHES} non-matches, got {int(matches.sum())} and {int((1 - matches).sum())}; label more pairs"
        raise TrainError(msg)
    words = count_words(side for pair in labelled for side in (pair.left, pair.right))
    features = _features(labelled, words)
    cuts = _usable(product_trials(labelled, n_folds=n_folds, seed=seed), matches)
    scores = _held_out_scores(features, matches, cuts, seed)
    trials = sorted((_judged(recipe, scores[recipe], matches) for recipe in RECIPES), key=lambda trial: -trial.f1)
    chosen = trials[0]
    scorer = PairScorer.fitted(chosen.recipe, features, matches, np.ones(len(matches)), seed=seed)
    model = PairModel(FEATURES, words, scorer, chosen.calibration, chosen.threshold)
    return FittedModel(model, tuple(trials), len(labelled), int(matches.sum()))


def _features(pairs: Sequence[Pair], words: WordStatistics) -> FloatArray:
    return feature_matrix(pairs, [read_pair(pair) for pair in pairs], words)


def _usable(cuts: Iterable[Trial], matches: FloatArray) -> list[Trial]:
    """The cuts that leave both labels to fit on."""
    usable = [cut for cut in cuts if 0 < matches[cut.fitted].sum() < len(cut.fitted)]
    if sum(matches[cut.tried].sum() for cut in usable) < _MIN_MATCHES:
        raise TrainError(
            "evidence-model cannot be tried on unseen products: nearly all pairs are of one product; give pairs of more products"
        )
    return usable


def _held_out_scores(features: FloatArray, matches: FloatArray, cuts: Sequence[Trial], seed: int) -> dict[Recipe, FloatArray]:
    """Log-odds by recipe, shape (N,) each, from scorers that never saw the pair's products; NaN where no cut tries the pair."""
    scores = {recipe: np.full(len(matches), np.nan) for recipe in RECIPES}
    for cut in cuts:
        weights = _same_prior(matches[cut.fitted], matches)
        whole = PairScorer.fitted("linear+trees", features[cut.fitted], matches[cut.fitted], weights, seed=seed)
        for recipe in RECIPES:
            scores[recipe][cut.tried] = whole.only(recipe).log_odds(features[cut.tried])
    return scores


def _judged(recipe: Recipe, scores: FloatArray, matches: FloatArray) -> HeldOut:
    tried = ~np.isnan(scores)
    calibration = Calibration.fitted(scores[tried], matches[tried])
    if calibration.slope <= 0:
        raise TrainError(f"evidence-model ({recipe}) ranks held-out matches below non-matches: check that the labels are not turned round")
    probabilities = calibration.probabilities(scores)
    threshold = min(1.0, best_threshold(probabilities[tried].tolist(), matches[tried].astype(bool).tolist()))
    predicted = probabilities[tried] >= threshold
    n_true = int((predicted & (matches[tried] == 1)).sum())
    f1 = f1_of_counts(n_true, int(predicted.sum()) - n_true, int(matches[tried].sum()))
    return HeldOut(recipe, calibration, threshold, probabilities, f1, int(tried.sum()), int(matches[tried].sum()))


def _same_prior(labels: FloatArray, all_labels: FloatArray) -> FloatArray:
    """Weights that give the fitted pairs the share of matches of all pairs: a cut on products keeps more matches than non-matches."""
    share, wanted = labels.mean(), all_labels.mean()
    weights: FloatArray = np.where(labels == 1, wanted / share, (1 - wanted) / (1 - share))
    return weights
