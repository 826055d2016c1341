"""What the matcher reads of an encoder's ``card.json``, and the check that the weights are the ones it was written for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epm.artifact import ArtifactCard, read_card
from epm.distill.encoder_recipe import MIN_TOKENS
from epm.distill.encoder_text import TEXT_FORMAT
from epm.errors import ArtifactError
from epm.first_problem import first_problem

WEIGHTS_NAME = "model.safetensors"


class EncoderDecision(BaseModel):
    """How log-odds become an answer: ``1 / (1 + exp(-(slope * log_odds + shift)))`` at or above the threshold is a match."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    text: Literal["encoder-text v1"] = TEXT_FORMAT
    weights_sha256: str
    max_tokens: Annotated[int, Field(ge=MIN_TOKENS)]
    slope: Annotated[float, Field(gt=0)]
    shift: float
    threshold: Annotated[float, Field(ge=0, le=1)]

    @classmethod
    def of(cls, card: ArtifactCard, folder: Path) -> Self:
        """What a card says.

        Raises:
            ArtifactError: it says it wrongly, or the weights beside it are others.
        """
        try:
            found = cls.model_validate(card.config.get("decision"))
        except ValidationError as error:
            raise ArtifactError(f"encoder {str(folder)!r} has a damaged card: decision, {first_problem(error)}; {_REMEDY}") from error
        sha256 = weights_sha(folder)
        if sha256 != found.weights_sha256:
            raise ArtifactError(f"encoder {str(folder)!r} has other weights than its card says: SHA-256 {sha256!r}; {_REMEDY}")
        return found


_REMEDY = "make it anew with 'epm fit encoder TRAIN -o FOLDER'"


def read_encoder(folder: Path) -> tuple[ArtifactCard, EncoderDecision]:
    """The card of an encoder's folder, checked against its weights.

    Raises:
        ArtifactError: there is no sound encoder.
    """
    card = read_card(folder, kind="encoder")
    return card, EncoderDecision.of(card, folder)


def weights_sha(folder: Path) -> str:
    """SHA-256 (hex) of the weights in a folder.

    Raises:
        ArtifactError: there are none.
    """
    path = folder / WEIGHTS_NAME
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"encoder {str(folder)!r} has no {WEIGHTS_NAME} ({error.strerror}); {_REMEDY}") from error
