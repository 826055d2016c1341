"""What a judge says about one rationale: a score per axis, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field

from epm.errors import ErrorClass
from epm.rationale import Axis


@dataclass(frozen=True, slots=True)
class AxisScore:
    """One axis: a score in [0, 1] with its labelled level and reason, or ``unscored_reason``.

    Unscored is not zero: it masks the sample wherever scores are used. ``error_class`` says how a call failed that left it
    unscored; it is ``None`` where nothing failed (no model was named, a quote may not be shown).
    """

    axis: Axis
    score: float | None
    level: str | None = None
    reason: str | None = None
    unscored_reason: str | None = None
    error_class: ErrorClass | None = None

    def __post_init__(self) -> None:
        if (self.score is None) != (self.unscored_reason is not None):
            msg = f"axis {self.axis.value!r}: needs either a score or an unscored_reason, got {self.score!r} and {self.unscored_reason!r}"
            raise ValueError(msg)
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            msg = f"axis {self.axis.value!r}: score {self.score!r} is outside [0, 1]"
            raise ValueError(msg)

    @classmethod
    def unscored(cls, axis: Axis, reason: str, error_class: ErrorClass | None = None) -> AxisScore:
        """No score, and why."""
        return cls(axis, None, unscored_reason=reason, error_class=error_class)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judge's scores for one rationale of one pair; ``scores`` holds one entry for each axis it judges.

    ``asked`` names the model that was asked and its reasoning effort, ``None`` for a judge that asks none.
    ``is_cached`` says that a cache answered all calls it took; it is of the moment, neither kept nor compared.
    """

    pair_id: str
    rationale_sha: str
    judge: str
    scores: tuple[AxisScore, ...]
    cost_usd: float = 0.0
    is_cached: bool = field(default=False, compare=False)
    asked: str | None = None

    def score(self, axis: Axis) -> float | None:
        """The score of an axis; ``None`` when unscored or not judged."""
        return next((s.score for s in self.scores if s.axis is axis), None)

    def is_complete(self) -> bool:
        """True when every judged axis has a score."""
        return all(s.score is not None for s in self.scores)
