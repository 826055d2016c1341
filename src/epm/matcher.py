"""The Matcher seam: anything that decides pairs.

A matcher is made by its factory from the text after the colon in ``NAME[:ARG]`` and decides batches. It returns one
Decision for each pair, in order; a pair it cannot decide comes back as ``failed`` or ``abstained``.

    class AlwaysMatch:
        name = "always-match"
        version = "1"
        async def decide(self, batch, ctx):
            return [Decision(p.id, Outcome.DECIDED, label=Label.MATCH, probability=1.0) for p in batch]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from epm.config import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT_S
from epm.decision import Decision
from epm.egress import OPEN, EgressPolicy
from epm.errors import ConfigError
from epm.gateway.gateway import Gateway
from epm.gateway.request import ModelSettings
from epm.identity import STRICT, IdentityRule
from epm.knowledge.index import KnowledgeIndex
from epm.knowledge.web_search import WebSearch
from epm.pair import Pair
from epm.relation import Label


@dataclass(frozen=True, slots=True)
class MatchContext:
    """What a matcher may use: the identity rule, the only way to a model, the knowledge index, the seed.

    ``egress`` says which fields of a listing may stand in a prompt: a matcher that asks a model shows it ``egress.visible(pair)``.
    ``concurrency`` is how many pairs of a batch it may work on at a time. A matcher that pays for each pair by itself tells
    ``on_decision`` as soon as one stands, so that a cap which cuts the batch loses none. ``timeout_s`` is how long it may wait
    for a system that is no model: a model's own settings bound its calls. ``alone`` is entered with a name of work that is paid
    for, and refuses it where another process does the same.
    """

    identity: IdentityRule = STRICT
    gateway: Gateway | None = None
    model: ModelSettings | None = None
    knowledge: KnowledgeIndex | None = None
    run_id: str | None = None
    seed: int = 0
    egress: EgressPolicy = OPEN
    concurrency: int = DEFAULT_CONCURRENCY
    timeout_s: float = DEFAULT_TIMEOUT_S
    on_decision: Callable[[Decision], None] | None = None
    web_search: WebSearch | None = None
    alone: Callable[[str], AbstractContextManager[object]] | None = None


class Matcher(Protocol):
    """Decides pairs. ``name`` and ``version`` are part of a run's identity."""

    name: str
    version: str

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order."""
        ...


@runtime_checkable
class Tunable(Protocol):
    """A matcher with inner thresholds that can be chosen on labelled validation pairs."""

    def tuned(self, valid: Sequence[Pair]) -> Self:
        """A copy with thresholds chosen on ``valid`` so that probability 0.5 is the best operating point."""
        ...


@runtime_checkable
class LabelExplaining(Protocol):
    """A matcher whose rationales can be written by someone who is told the label; its prompts are of their own then."""

    def with_labels(self, labels: Mapping[str, Label]) -> Matcher:
        """A copy that explains these labels, by pair id; whoever asks for it marks the decisions with ``LABEL_GIVEN``."""
        ...


@runtime_checkable
class Particular(Protocol):
    """A matcher that cannot work in every context, and says so before it is given a pair."""

    def refusal(self, ctx: MatchContext) -> str | None:
        """Why it cannot work in this context, and what to do, as the end of a sentence about it; ``None`` when it can."""
        ...


@runtime_checkable
class Collective(Protocol):
    """A matcher that decides some pairs together: it gets all pairs of a command in one batch."""

    def groups(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """The pairs that are decided together; each pair stands in one group."""
        ...


def require_usable(matchers: Sequence[Matcher | Particular], ctx: MatchContext) -> None:
    """Nothing, when each of these matchers can work in the context.

    Raises:
        ConfigError: names those that cannot, with the reasons.
    """
    refused: dict[str, list[str]] = {}
    for matcher in matchers:
        reason = matcher.refusal(ctx) if isinstance(matcher, Particular) else None
        if reason is not None:
            refused.setdefault(reason, []).append(repr(getattr(matcher, "name", matcher)))
    if refused:
        said = (
            f"{'matcher' if len(names) == 1 else 'each of the matchers'} {', '.join(names)} {reason}" for reason, names in refused.items()
        )
        raise ConfigError("; ".join(said))


MatcherFactory = Callable[[str | None], Matcher]
"""Makes a matcher from the ARG of ``NAME:ARG`` (``None`` without one); raises ConfigError for a wrong ARG."""
