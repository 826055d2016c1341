"""Checkpoints of a long training: network, optimiser and position, replaced in one step so that none is ever half."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from epm.errors import ArtifactError, TrainError

if TYPE_CHECKING:
    import torch

STATE_NAME = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class TrainState:
    """How far a training is: steps done, seconds spent, and the position in its stream."""

    step: int = 0
    elapsed_s: float = 0.0
    chunk: int = 0
    batch: int = 0


def save_state(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: TrainState, *, fingerprint: str) -> None:
    """Write the checkpoint of a folder, replacing the one before.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    import torch

    target = folder / STATE_NAME
    partial = target.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "state": asdict(state), "recipe": fingerprint}, partial
        )
        partial.replace(target)
    except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError where a disk is full
        msg = f"cannot write checkpoint {str(target)!r}: {error}; choose a writable folder with space"
        raise ArtifactError(msg) from error


def load_state(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, *, fingerprint: str) -> TrainState | None:
    """Put the folder's checkpoint into network and optimiser; ``None`` when there is none yet.

    Raises:
        TrainError: the checkpoint is of another recipe.
    """
    import torch

    target = folder / STATE_NAME
    if not target.is_file():
        return None
    found = torch.load(target, map_location="cpu", weights_only=True)
    if found["recipe"] != fingerprint:
        msg = f"{str(target)!r} was written by another recipe; choose another folder, or delete that file to start anew"
        raise TrainError(msg)
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    return TrainState(**found["state"])
