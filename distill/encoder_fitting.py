"""Fitting ``encoder``: a CrossEncoder trained on labelled pairs; epoch, calibration and threshold are chosen on validation pairs.

The folder is written whole or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epm.artifact import ArtifactCard, write_card
from epm.distill.encoder_card import EncoderDecision, weights_sha
from epm.distill.encoder_data import EncoderData
from epm.distill.encoder_network import load_base, log_odds, require_packages, text_pairs
from epm.distill.encoder_recipe import EncoderRecipe
from epm.distill.encoder_training import Trained, train
from epm.distill.versions import library_versions
from epm.errors import TrainError
from epm.files.whole_folder import refuse_occupied, whole_folder
from epm.matchers.operating_point import best_threshold, f1_of_counts
from epm.matchers.pair_model import Calibration
from epm.matchers.text_similarity import gold_matches
from epm.matchers.word_statistics import FloatArray
from epm.progress import ProgressEvent, ProgressSink, silent

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_AS_IT_IS = Calibration(slope=1.0, shift=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class FittedEncoder:
    """The trained network, and what its scores on the validation pairs say about how to read it."""

    model: CrossEncoder
    base_sha256: str
    trained: Trained
    calibration: Calibration
    threshold: float


def fit_encoder(data: EncoderData, folder: Path, recipe: EncoderRecipe, *, on_progress: ProgressSink = silent) -> ArtifactCard:
    """Train on the pairs and write the artifact; the same pairs, recipe, libraries and CPU give the same weights.

    Raises:
        TrainError: the network learned nothing that ranks matches above non-matches.
        ArtifactError: the base cannot be loaded, or the folder is occupied or cannot be written.
        ConfigError: a package is missing.
    """
    require_packages()
    refuse_occupied(folder)
    started_s = time.monotonic()
    fitted = _fit(data, recipe, on_progress)
    figures = {
        **data.figures(), "held_out_f1": {f"epoch {at}": round(f1, 4) for at, f1 in enumerate(fitted.trained.f1_by_epoch, start=1)},
        "best_epoch": fitted.trained.best_epoch, "threshold": fitted.threshold, "last_loss": round(fitted.trained.last_loss, 4),
        "seconds": round(time.monotonic() - started_s, 1),
    }  # fmt: skip
    with whole_folder(folder) as partial:
        fitted.model.save_pretrained(str(partial), create_model_card=False)
        on_progress(ProgressEvent("encoder: write", 2, 1))
        decision = EncoderDecision(
            weights_sha256=weights_sha(partial), max_tokens=recipe.max_tokens, slope=fitted.calibration.slope,
            shift=fitted.calibration.shift, threshold=fitted.threshold,
        )  # fmt: skip
        card = write_card(
            partial, kind="encoder", name="epm-encoder", data=data.sha256, config={**asdict(recipe), "decision": decision.model_dump()},
            versions=library_versions(), figures=figures, parents={"base": fitted.base_sha256},
        )  # fmt: skip
    on_progress(ProgressEvent("encoder: write", 2, 2))
    return card


def _fit(data: EncoderData, recipe: EncoderRecipe, on_progress: ProgressSink) -> FittedEncoder:
    import torch

    matches = gold_matches(data.valid)[1]
    scores: list[FloatArray] = []

    def judge() -> float:
        stage = f"encoder epoch {len(scores) + 1} on valid"
        scores.append(log_odds(base.model, data.valid, stage=stage, on_progress=on_progress))
        if not np.isfinite(scores[-1]).all():
            raise TrainError(f"the encoder's log-odds are no numbers after epoch {len(scores)}; choose a lower learning rate")
        f1 = operating_point(_AS_IT_IS.probabilities(scores[-1]), matches)[1]
        on_progress(ProgressEvent(stage, len(matches), len(matches), note=f"F1 {f1:.3f}"))
        return f1

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # the fresh head and dropout; every other choice is the recipe's own generator
        base = load_base(recipe.base, max_tokens=recipe.max_tokens)
        trained = train(base.model, text_pairs(data.train), gold_matches(data.train)[1], recipe, judge, on_progress=on_progress)
    best = scores[trained.best_epoch - 1]
    calibration = Calibration.fitted(best, np.asarray(matches, dtype=np.float64))
    if calibration.slope <= 0:
        raise TrainError("encoder ranks validation matches below non-matches: train longer, and check that the labels are not turned round")
    return FittedEncoder(base.model, base.sha256, trained, calibration, operating_point(calibration.probabilities(best), matches)[0])


def operating_point(probabilities: FloatArray, matches: Sequence[bool]) -> tuple[float, float]:
    """The threshold with the best F1, and that F1."""
    threshold = min(1.0, best_threshold(probabilities.tolist(), matches))
    predicted = probabilities >= threshold
    n_true = int((predicted & np.asarray(matches, dtype=np.bool_)).sum())
    return threshold, f1_of_counts(n_true, int(predicted.sum()) - n_true, sum(matches))
