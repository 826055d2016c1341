"""The ``encoder:FOLDER`` matcher: a calibrated probability of a network that reads both listings together.

``epm fit encoder TRAIN -o FOLDER`` makes the folder. A probability at or above the fitted threshold is a match. What counts as
the same is what the labels said it was trained on: no identity rule is read. A pair that the network cannot score is a
``failed`` decision, and takes no other pair with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from epm.decision import Decision, Outcome
from epm.distill.encoder_card import EncoderDecision, read_encoder
from epm.distill.encoder_network import load_trained, log_odds, require_packages
from epm.errors import ConfigError, ErrorClass
from epm.matcher import MatchContext
from epm.matchers.pair_model import Calibration
from epm.matchers.word_statistics import FloatArray
from epm.pair import Pair
from epm.relation import Label

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_LOG = logging.getLogger(__name__)
_SCORING_ERRORS = (ValueError, TypeError, RuntimeError, IndexError)
"""What tokenizers and torch raise about a text they cannot take: no Unicode, no room for it in memory."""


class Encoder:
    """A trained encoder that decides pairs; its network is loaded once, at the first batch."""

    name = "encoder"

    def __init__(self, folder: Path, decision: EncoderDecision, *, version: str) -> None:
        self.version = version
        self._folder = folder
        self._decision = decision
        self._calibration = Calibration(decision.slope, decision.shift)
        self._model: CrossEncoder | None = None
        self._lock = asyncio.Lock()

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:  # noqa: ARG002  # part of the seam
        """One decision with a probability for each pair, in the same order.

        Raises:
            ArtifactError: the network cannot be loaded.
        """
        if not batch:
            return []
        async with self._lock:
            return await asyncio.to_thread(self._decide, batch)

    def _decide(self, batch: Sequence[Pair]) -> list[Decision]:
        if self._model is None:
            self._model = load_trained(self._folder, max_tokens=self._decision.max_tokens)
        started_s = time.monotonic()
        decisions = self._decided(self._model, batch)
        latency_s = (time.monotonic() - started_s) / len(batch)
        provenance = {"model": self.version, "threshold": self._decision.threshold, "weights_sha": self._decision.weights_sha256[:12]}
        return [replace(decision, latency_s=latency_s, provenance=provenance) for decision in decisions]

    def _decided(self, model: CrossEncoder, batch: Sequence[Pair]) -> list[Decision]:
        try:
            scores = log_odds(model, batch)
        except _SCORING_ERRORS as error:
            if len(batch) == 1:
                _LOG.warning("encoder: pair %r cannot be scored: %s", batch[0].id, error)
                return [Decision.failed(batch[0].id, ErrorClass.BAD_REQUEST, f"the encoder cannot read the pair: {error}")]
            return [decision for pair in batch for decision in self._decided(model, [pair])]
        return [self._answer(pair, score) for pair, score in zip(batch, scores, strict=True)]

    def _answer(self, pair: Pair, score: float) -> Decision:
        if not np.isfinite(score):
            return Decision.failed(pair.id, ErrorClass.INVALID_STRUCTURE, f"the encoder's log-odds are {float(score)!r}")
        scores: FloatArray = np.array([score])
        probability = float(self._calibration.probabilities(scores)[0])
        label = Label.MATCH if probability >= self._decision.threshold else Label.NO_MATCH
        return Decision(pair.id, Outcome.DECIDED, label=label, probability=probability)


def make(arg: str | None) -> Encoder:
    """The matcher of an artifact folder.

    Raises:
        ConfigError: no folder is given, or a package is missing.
        ArtifactError: the folder holds no sound encoder.
    """
    if not arg:
        raise ConfigError("matcher 'encoder' needs a folder: write 'encoder:FOLDER'; 'epm fit encoder TRAIN -o FOLDER' makes one")
    card, decision = read_encoder(Path(arg))
    require_packages()
    return Encoder(Path(arg), decision, version=f"{decision.weights_sha256[:12]} {card.created_at}")
