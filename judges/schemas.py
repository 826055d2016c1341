"""What a model judge replies: findings and reason come before the level, so that it argues before it grades."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class JudgeReply(BaseModel):
    """One axis, graded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    findings: tuple[Annotated[str, Field(max_length=500)], ...]
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    level: Literal["sound", "partial", "unsound"]
