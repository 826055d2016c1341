from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation

MATCH, NO_MATCH = Label.MATCH, Label.NO_MATCH


def make_pair(number: int, gold: Label | None = MATCH, *, left: str | None = None, right: str | None = None) -> Pair:
    one = Listing(f"l{number}", f"Kolvra KX-{number} kettle black", brand="Kolvra", mpn=f"KX-{number}", cluster_id=left)
    two = Listing(f"r{number}", f"Kettle KOLVRA KX{number} 1.7 l white", cluster_id=right)
    return Pair(f"p{number}", one, two, gold)


def decided(pair: Pair, label: Label, probability: float | None = None, **more: object) -> Decision:
    return Decision(pair.id, Outcome.DECIDED, label=label, probability=probability, **more)


@dataclass(frozen=True)
class ScoreMatcher:
    """Says match from a cut upwards; its scores are given by pair id."""

    scores: dict[str, float]
    cut: float = 0.5
    name: str = "score"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        return [decided(p, MATCH if self.scores[p.id] >= self.cut else NO_MATCH, self.scores[p.id]) for p in batch]


@dataclass(frozen=True)
class TunableMatcher(ScoreMatcher):
    """A matcher that notes on how many pairs it was tuned."""

    shift: float = 0.0

    def tuned(self, valid: Sequence[Pair]) -> TunableMatcher:
        return replace(self, scores={k: min(1.0, v + 0.25) for k, v in self.scores.items()})


@pytest.fixture
def pair_of() -> Callable[..., Pair]:
    return make_pair


@pytest.fixture
def decision_of() -> Callable[..., Decision]:
    return decided


@pytest.fixture
def score_matcher() -> type[ScoreMatcher]:
    return ScoreMatcher


@pytest.fixture
def tunable_matcher() -> type[TunableMatcher]:
    return TunableMatcher


@pytest.fixture
def failed_decision() -> Callable[[Pair], Decision]:
    return lambda pair: Decision.failed(pair.id, ErrorClass.TIMEOUT, "no answer in 60 s")


@pytest.fixture
def abstained_decision() -> Callable[[Pair], Decision]:
    return lambda pair: Decision(pair.id, Outcome.ABSTAINED, relation=Relation.UNDECIDABLE, probability=0.9)


@pytest.fixture
def sound() -> tuple[Pair, Rationale]:
    """A pair and a true rationale of it, with cells on all three axes."""
    pair = make_pair(120, NO_MATCH)
    right = replace(pair.right, mpn="KX-999")
    rationale = Rationale(
        core=AxisFinding(
            comparisons=(
                Comparison(attribute="brand", left="Kolvra", right="KOLVRA", verdict=Verdict.SAME),
                Comparison(attribute="type", left="kettle", right="Kettle", verdict=Verdict.SAME),
            ),
            verdict=Verdict.SAME,
        ),
        identifier=AxisFinding(
            comparisons=(Comparison(attribute="mpn", left="KX-120", right="KX-999", verdict=Verdict.DIFFERENT),), verdict=Verdict.DIFFERENT
        ),
        variant=AxisFinding(
            comparisons=(
                Comparison(attribute="colour", left="black", right="white", verdict=Verdict.DIFFERENT),
                Comparison(attribute="capacity", left=None, right="1.7 l", verdict=Verdict.UNKNOWN),
            ),
            verdict=Verdict.DIFFERENT,
        ),
        relation=Relation.VARIANT,
        label=NO_MATCH,
    )
    return replace(pair, right=right), rationale
