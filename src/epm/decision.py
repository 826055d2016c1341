"""What a matcher says about one pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from epm.errors import ErrorClass
from epm.rationale import Rationale
from epm.relation import Label, Relation

LABEL_GIVEN = "label_given_in_prompt"
"""Stands in a decision's provenance and a run's settings: whoever wrote the rationale had been told the label."""


class Outcome(StrEnum):
    """How a decision ended. ``failed`` is a record with an error class, never a silent "no match"."""

    DECIDED = "decided"
    ABSTAINED = "abstained"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Decision:
    """One matcher's answer for one pair.

    ``label`` is set exactly when ``outcome`` is ``decided``. ``probability`` is the matcher's probability (or score in
    [0, 1]) of ``match``; ``None`` where it has none. ``provenance`` holds JSON values: matcher version, model, prompt
    shas, flags.
    """

    pair_id: str
    outcome: Outcome
    label: Label | None = None
    probability: float | None = None
    relation: Relation | None = None
    factor: int | None = None
    rationale: Rationale | None = None
    error_class: ErrorClass | None = None
    error: str | None = None
    cost_usd: float = 0.0
    latency_s: float = 0.0
    provenance: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.DECIDED) != (self.label is not None):
            msg = f"decision on {self.pair_id!r}: outcome {self.outcome.value!r} with label {self.label!r}"
            raise ValueError(msg)
        if (self.outcome is Outcome.FAILED) != (self.error_class is not None):
            msg = f"decision on {self.pair_id!r}: outcome {self.outcome.value!r} with error class {self.error_class!r}"
            raise ValueError(msg)

    @property
    def is_cached(self) -> bool:
        """True when it took calls and a cache answered all of them."""
        n_calls = self.provenance.get("n_calls", 0)
        return isinstance(n_calls, int) and n_calls > 0 and n_calls == self.provenance.get("n_cached", 0)

    @property
    def is_label_given(self) -> bool:
        """True when whoever wrote the rationale had been told the pair's label."""
        return self.provenance.get(LABEL_GIVEN) is True

    @classmethod
    def failed(cls, pair_id: str, error_class: ErrorClass, error: str, *, cost_usd: float = 0.0, latency_s: float = 0.0) -> Decision:
        """A failed decision with its class and message."""
        return cls(pair_id, Outcome.FAILED, error_class=error_class, error=error, cost_usd=cost_usd, latency_s=latency_s)

    @classmethod
    def from_rationale(cls, pair_id: str, rationale: Rationale, *, probability: float | None = None, **more: object) -> Decision:
        """The decision a rationale ends in: decided, or abstained when it is undecidable."""
        outcome = Outcome.ABSTAINED if rationale.label is None else Outcome.DECIDED
        return cls(
            pair_id, outcome, label=rationale.label, probability=probability, relation=rationale.relation,
            factor=rationale.factor, rationale=rationale, **more,  # type: ignore[arg-type]  # checked by the dataclass's own fields
        )  # fmt: skip
