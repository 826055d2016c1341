"""What the prompt baselines reply. Reasoning comes before the label, so that a model argues before it decides."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, create_model

from epm.rationale import Verdict
from epm.relation import Label

_Value = Annotated[str, Field(max_length=1_000)]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelReply(_Reply):
    """Whether the listings match."""

    label: Label


class ReasonedReply(_Reply):
    """The reasoning, then the label."""

    reasoning: Annotated[str, Field(max_length=20_000)]
    label: Label


class AttributeLine(_Reply):
    """One attribute, what each side states of it, and whether they agree."""

    attribute: Annotated[str, Field(min_length=1, max_length=60)]
    left: _Value | None
    right: _Value | None
    verdict: Verdict


class AttributeReply(_Reply):
    """The attributes side by side, then the label."""

    attributes: tuple[AttributeLine, ...]
    label: Label


class SelectReply(_Reply):
    """The number of the chosen candidate, counted from 1; 0 for none."""

    choice: Annotated[int, Field(ge=0)]


@cache
def select_reply(n_candidates: int) -> type[SelectReply]:
    """The reply to a question with so many candidates: a number beyond them does not fit, and is repaired."""
    return create_model("SelectReply", __base__=SelectReply, choice=(Annotated[int, Field(ge=0, le=n_candidates)], ...))
