"""The Rationale: a structured comparison on three axes, then relation and label.

Order matters: findings come before verdicts and the label, so that a model reasons before it decides. Quotes are
verbatim spans of the listings; ``None`` means the listing does not say it. Missing is silence, never conflict: a
comparison with a missing side can only be ``unknown``.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from epm.relation import Label, Relation

Quote = Annotated[str, Field(min_length=1)]


class Axis(StrEnum):
    """The three axes, in the order in which a rationale argues them."""

    CORE = "core"
    IDENTIFIER = "identifier"
    VARIANT = "variant"


AXIS_ATTRIBUTES: dict[Axis, tuple[str, ...]] = {
    Axis.CORE: ("brand", "name", "model", "type", "generation", "edition", "compatibility"),
    Axis.IDENTIFIER: ("gtin", "mpn", "asin"),
    Axis.VARIANT: ("colour", "size", "capacity", "pack", "bundle", "condition", "region"),
}
"""The attribute names that our own engine and generator write; models may name others."""


class Verdict(StrEnum):
    """What a comparison or an axis says."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Comparison(BaseModel):
    """One attribute, what each side says about it (verbatim, or ``None``), and whether they agree."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    attribute: Annotated[str, Field(min_length=1, description="short attribute name, e.g. brand, model, mpn, colour")]
    left: Annotated[Quote | None, Field(description="verbatim quote from the left listing, or null if it does not say")]
    right: Annotated[Quote | None, Field(description="verbatim quote from the right listing, or null if it does not say")]
    verdict: Verdict

    @model_validator(mode="after")
    def _missing_is_silence(self) -> Self:
        if (self.left is None or self.right is None) and self.verdict is not Verdict.UNKNOWN:
            msg = f"comparison {self.attribute!r} has a missing side, so its verdict must be 'unknown', not {self.verdict.value!r}"
            raise ValueError(msg)
        return self


class AxisFinding(BaseModel):
    """The comparisons of one axis and the verdict they lead to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    comparisons: tuple[Comparison, ...]
    verdict: Verdict


class Rationale(BaseModel):
    """Why two listings are, or are not, the same product. ``label`` is ``None`` exactly for ``undecidable``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    core: AxisFinding
    identifier: AxisFinding
    variant: AxisFinding
    relation: Relation
    factor: Annotated[int | None, Field(gt=1, description="other_pack only: how many times larger the larger pack is")] = None
    label: Label | None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.factor is not None and self.relation is not Relation.OTHER_PACK:
            msg = f"factor {self.factor} needs relation 'other_pack', not {self.relation.value!r}"
            raise ValueError(msg)
        if (self.label is None) != (self.relation is Relation.UNDECIDABLE):
            msg = f"relation {self.relation.value!r} and label {self.label!r} contradict: only 'undecidable' has no label"
            raise ValueError(msg)
        return self

    def finding(self, axis: Axis) -> AxisFinding:
        """The finding of one axis."""
        return {Axis.CORE: self.core, Axis.IDENTIFIER: self.identifier, Axis.VARIANT: self.variant}[axis]

    def swapped(self) -> Rationale:
        """The rationale of the swapped pair."""
        return self.model_copy(update={axis.value: _swap(self.finding(axis)) for axis in Axis})

    def sha(self) -> str:
        """SHA-256 (hex) of the canonical JSON: the key of judgements."""
        return hashlib.sha256(self.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()


def _swap(finding: AxisFinding) -> AxisFinding:
    comparisons = tuple(c.model_copy(update={"left": c.right, "right": c.left}) for c in finding.comparisons)
    return finding.model_copy(update={"comparisons": comparisons})
