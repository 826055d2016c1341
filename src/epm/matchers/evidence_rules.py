"""The ``evidence-rules`` matcher: the evidence engine's relation, with its rationale. Tuned, its three thresholds are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from epm.decision import Decision
from epm.errors import ConfigError
from epm.evidence.engine import compare, engine_version
from epm.evidence.verdict import DEFAULT_THRESHOLDS, Thresholds
from epm.matcher import MatchContext
from epm.matchers.text_similarity import gold_matches
from epm.matchers.tuning import tuned_thresholds
from epm.pair import Pair


@dataclass(frozen=True)
class EvidenceRulesMatcher:
    """Decides each pair by the engine under the context's identity rule."""

    version: str
    name: str = "evidence-rules"
    thresholds: Thresholds = DEFAULT_THRESHOLDS

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision with rationale for each pair."""
        provenance = {"engine": self.version, "thresholds": asdict(self.thresholds)}
        decisions = []
        for pair in batch:
            evidence = compare(pair, ctx.identity, thresholds=self.thresholds)
            decision = Decision.from_rationale(pair.id, evidence.rationale, probability=evidence.probability)
            decisions.append(replace(decision, provenance=provenance))
        return decisions

    def tuned(self, valid: Sequence[Pair]) -> Self:
        """A copy whose core thresholds give the best F1 of ``exact`` on the labelled pairs."""
        labelled, matches = gold_matches(valid)
        return replace(self, thresholds=tuned_thresholds(labelled, matches))


def make(arg: str | None) -> EvidenceRulesMatcher:
    """The matcher; it takes no argument."""
    if arg is not None:
        msg = f"matcher 'evidence-rules' takes no argument, got {arg!r}: write 'evidence-rules'"
        raise ConfigError(msg)
    return EvidenceRulesMatcher(engine_version())
