"""The ``evidence-model:FOLDER`` matcher: a calibrated probability from the engine's atoms and the likeness of the words.

``epm fit evidence-model TRAIN -o FOLDER`` makes the folder. A probability at or above the fitted threshold is a match;
the rationale is the engine's, and where the model outvotes the engine, ``provenance["overridden"]`` says in what.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from epm.artifact import read_card
from epm.decision import Decision
from epm.errors import ConfigError
from epm.evidence.engine import engine_version
from epm.identity import IdentityRule
from epm.matcher import MatchContext
from epm.matchers.agreeing_rationale import agreeing_rationale
from epm.matchers.evidence_features import FEATURES, ReadPair, feature_matrix, read_pair
from epm.matchers.pair_model import PairModel
from epm.matchers.pair_model_file import read_pair_model
from epm.pair import Pair
from epm.relation import Label, Relation

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvidenceModelMatcher:
    """Decides each pair by a fitted model; ``fitted_engine`` is the version of the engine it was fitted with."""

    model: PairModel = field(repr=False)
    version: str
    fitted_engine: str
    name: str = "evidence-model"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision with probability and rationale for each pair; abstained where a side says nothing to quote.

        Raises:
            ConfigError: the identity rule does not tell ``exact`` from ``different``.
        """
        _check_rule(ctx.identity)
        read = [read_pair(pair) for pair in batch]
        probabilities = self.model.probabilities(feature_matrix(batch, read, self.model.words))
        return [self._decision(pair, one, float(p), ctx.identity) for pair, one, p in zip(batch, read, probabilities, strict=True)]

    def _decision(self, pair: Pair, read: ReadPair, probability: float, identity: IdentityRule) -> Decision:
        label = Label.MATCH if probability >= self.model.threshold else Label.NO_MATCH
        written = agreeing_rationale(read, label, identity)
        provenance = {
            "model": self.version, "engine": engine_version(), "fitted_engine": self.fitted_engine,
            "threshold": self.model.threshold, "overridden": list(written.overridden),
        }  # fmt: skip
        return replace(Decision.from_rationale(pair.id, written.rationale, probability=probability), provenance=provenance)


def _check_rule(identity: IdentityRule) -> None:
    if identity.label(Relation.EXACT) is not Label.MATCH or identity.label(Relation.DIFFERENT) is not Label.NO_MATCH:
        msg = f"identity rule {identity.name!r} does not match 'exact' and refuse 'different', so evidence-model cannot argue by it; use strict, family or per-unit"
        raise ConfigError(msg)


def make(arg: str | None) -> EvidenceModelMatcher:
    """The matcher of an artifact folder.

    Raises:
        ConfigError: no folder is given.
        ArtifactError: the folder holds no sound evidence-model.
    """
    if not arg:
        raise ConfigError(
            "matcher 'evidence-model' needs a folder: write 'evidence-model:FOLDER'; 'epm fit evidence-model TRAIN -o FOLDER' makes one"
        )
    card = read_card(Path(arg), kind="evidence-model")
    fitted_engine = str(card.config.get("engine", "unknown"))
    if fitted_engine != engine_version():
        _LOG.warning(
            "evidence-model %r was fitted with engine %s, this is %s: fit it again for calibrated probabilities",
            arg,
            fitted_engine,
            engine_version(),
        )
    model = read_pair_model(Path(arg), features=FEATURES)
    return EvidenceModelMatcher(model, f"{card.data.get('train', '')[:12]} {card.created_at}", fitted_engine)
