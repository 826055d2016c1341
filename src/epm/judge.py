"""The Judge seam: anything that grades a Rationale on one axis or more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from epm.config import DEFAULT_CONCURRENCY
from epm.egress import OPEN, EgressPolicy
from epm.gateway.gateway import Gateway
from epm.gateway.request import ModelSettings
from epm.identity import STRICT, IdentityRule
from epm.judgement import Judgement
from epm.pair import Pair
from epm.rationale import Rationale


@dataclass(frozen=True, slots=True)
class JudgeContext:
    """What a judge may use. There is no gold label in it, and judges must not read ``Pair.gold_label``.

    ``egress`` says which fields of a listing may stand in a prompt, ``concurrency`` how many rationales to work on at a time.
    """

    identity: IdentityRule = STRICT
    gateway: Gateway | None = None
    model: ModelSettings | None = None
    run_id: str | None = None
    seed: int = 0
    egress: EgressPolicy = OPEN
    concurrency: int = DEFAULT_CONCURRENCY


class Judge(Protocol):
    """Grades rationales. A judge that fails returns an unscored axis, never 0."""

    name: str
    version: str

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        """One judgement for each (pair, rationale), in the same order."""
        ...


@runtime_checkable
class AsksModel(Protocol):
    """A judge whose scores are those of the model that it asks."""

    def asks(self, model: ModelSettings | None) -> str | None:
        """Whom it asks where a command names this model, and how hard that is to think; ``None`` where it asks nobody."""
        ...


JudgeFactory = Callable[[str | None], Judge]
