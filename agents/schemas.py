"""What each model step replies. Reasoning fields come before the verdict, so that a model argues before it decides."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from epm.knowledge.entity import entity_key
from epm.rationale import Rationale

MAX_QUESTIONS = 3

_ShortText = Annotated[str, Field(max_length=1_000)]


class _Reply(BaseModel):
    # a repair tells the model its faults as an instruction: what a seller wrote must not stand in them
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FoundAttribute(_Reply):
    """One attribute that a listing states: its name, the verbatim quote, and the value in plain form."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    quote: Annotated[str, Field(min_length=1, max_length=2_000)]
    value: Annotated[str, Field(max_length=2_000)]


class ExtractReply(_Reply):
    """What one listing states."""

    attributes: tuple[FoundAttribute, ...]


class Question(_Reply):
    """A self-contained question about one attribute of one product."""

    attribute: Annotated[str, Field(min_length=1, max_length=60)]
    entity: Annotated[str, Field(min_length=1, max_length=200, description="brand and model of the product asked about, lower case")]
    side: Literal["left", "right", "both"]
    question: Annotated[str, Field(min_length=1, max_length=500)]

    def key(self) -> tuple[str, str]:
        """Entity and attribute as answers are filed: brand and code as the engine reads them; case and spacing apart."""
        return entity_key(self.entity), " ".join(self.attribute.casefold().split())


class AskReply(_Reply):
    """What is clear and what is open, then the questions, the most decisive first."""

    thinking: Annotated[str, Field(max_length=4_000)] = ""
    questions: tuple[Question, ...]


class SufficientReply(_Reply):
    """Whether earlier answers settle a question, and the fact they state."""

    reason: _ShortText = ""
    sufficient: bool
    answer: _ShortText | None
    citations: tuple[str, ...] = ()


class ResearchReply(_Reply):
    """What the searches say, with the ids of the results it rests on; ``answer`` is ``None`` when they do not say."""

    answer: Annotated[str, Field(max_length=2_000)] | None
    citations: tuple[str, ...] = ()


class DecideReply(Rationale):
    """A Rationale and how sure its writer is."""

    model_config = ConfigDict(hide_input_in_errors=True)

    confidence: Literal["low", "medium", "high"] | None = None

    def rationale(self) -> Rationale:
        """The rationale alone."""
        return Rationale.model_validate(self.model_dump(exclude={"confidence"}))


class VerifyReply(_Reply):
    """The faults a second reader found, then the verdict."""

    problems: tuple[_ShortText, ...]
    verdict: Literal["pass", "veto"]
