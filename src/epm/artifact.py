"""The artifact: a folder with ``card.json``, the one format for everything fitted.

``card.json`` says what the artifact is, what data (sha) and configuration made it, with which versions, and what was
measured. A student, a calibration map and a fitted matcher are all such folders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.config import __version__
from epm.errors import ArtifactError, DataError
from epm.files.atomic import write_text
from epm.first_problem import first_problem

CARD_NAME = "card.json"
ArtifactKind = Literal["student", "encoder", "evidence-model", "calibration-map", "thresholds"]
_WEIGHTS_ROLE = "weights "
"""In a student's ``data``, before the name of each file of weights: their format has no checksum of its own. An encoder's stands in its decision."""


class ArtifactCard(BaseModel):
    """What stands in ``card.json``. ``data`` maps each input's role to its SHA-256; ``figures`` are measured numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    kind: ArtifactKind
    name: str
    created_at: str
    epm_version: str
    data: dict[str, str]
    config: dict[str, object]
    versions: dict[str, str]
    figures: dict[str, object]
    parents: dict[str, str] = {}


def write_card(
    folder: Path, *, kind: ArtifactKind, name: str, data: Mapping[str, str], config: Mapping[str, object],
    versions: Mapping[str, str], figures: Mapping[str, object], parents: Mapping[str, str] | None = None,
) -> ArtifactCard:  # fmt: skip
    """Write ``card.json`` into the folder (made if absent), atomically, and return it.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    weights = _weights(folder) if kind == "student" else {}
    card = ArtifactCard(
        kind=kind, name=name, created_at=datetime.now(UTC).isoformat(timespec="seconds"), epm_version=__version__,
        data={**data, **weights}, config=dict(config), versions=dict(versions), figures=dict(figures), parents=dict(parents or {}),
    )  # fmt: skip
    target = folder / CARD_NAME
    try:
        write_text(target, json.dumps(card.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    except DataError as error:
        msg = f"cannot write artifact {str(folder)!r}: {error}"
        raise ArtifactError(msg) from error
    return card


def read_card(folder: Path, *, kind: ArtifactKind) -> ArtifactCard:
    """The card of an artifact of that kind.

    Raises:
        ArtifactError: no card, a damaged card, an artifact of another kind, or weights other than those it was written with.
    """
    path = folder / CARD_NAME
    try:
        card = ArtifactCard.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{str(folder)!r} is no artifact: cannot read {CARD_NAME} ({error.strerror}); give the folder that 'epm' wrote"
        raise ArtifactError(msg) from error
    except (ValidationError, UnicodeDecodeError) as error:
        reason = first_problem(error) if isinstance(error, ValidationError) else error
        msg = f"artifact {str(folder)!r} has a damaged {CARD_NAME}: {reason}; make it anew"
        raise ArtifactError(msg) from error
    if card.kind != kind:
        msg = f"artifact {str(folder)!r} is a {card.kind!r}, but a {kind!r} is needed"
        raise ArtifactError(msg)
    _require_weights(folder, card)
    return card


def _require_weights(folder: Path, card: ArtifactCard) -> None:
    for role, sha in card.data.items():
        if role.startswith(_WEIGHTS_ROLE) and (found := _sha_of(folder / role.removeprefix(_WEIGHTS_ROLE))) != sha:
            name = role.removeprefix(_WEIGHTS_ROLE)
            msg = (
                f"artifact {str(folder)!r}: {name} has the SHA-256 {found[:12]}, but {CARD_NAME} was written beside {sha[:12]}: "
                "the file was damaged or replaced; copy the artifact again or make it anew"
            )
            raise ArtifactError(msg)


def _weights(folder: Path) -> dict[str, str]:
    return {f"{_WEIGHTS_ROLE}{path.name}": _sha_of(path) for path in sorted(folder.glob("*.safetensors"))}


def _sha_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"artifact {str(path.parent)!r}: cannot read {path.name}: {error.strerror}; copy the artifact again or make it anew"
        raise ArtifactError(msg) from error
