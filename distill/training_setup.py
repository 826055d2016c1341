"""What both trainers share: threads, settings that suit the machine, the LoRA adapter, and the proof that it moved."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

from epm.distill.loading import LoadedStudent
from epm.errors import ArtifactError, TrainError
from epm.library_settings import quiet_libraries, require_docstrings

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import PreTrainedModel, Trainer

N_THREADS = 2  # more threads than that slow a network of this size down


class TrainerSettings(TypedDict):
    """The settings of a transformers trainer that depend on the machine, not on the recipe."""

    output_dir: str
    seed: int
    learning_rate: float
    use_cpu: bool
    bf16: bool
    fp16: bool
    gradient_checkpointing: bool
    report_to: str
    save_strategy: str
    disable_tqdm: bool
    dataloader_num_workers: int


def use_threads() -> None:
    """Limit torch to the threads a small network can use, and keep its libraries quiet."""
    require_docstrings("transformers")
    import torch
    from datasets import disable_progress_bars
    from transformers.utils import logging

    quiet_libraries()
    if not torch.cuda.is_available():
        torch.set_num_threads(min(N_THREADS, torch.get_num_threads()))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()


def trainer_settings(out: Path, *, seed: int, learning_rate: float) -> TrainerSettings:
    """Settings of a transformers trainer for this machine: no 16-bit and no checkpointing on a CPU, nothing reported anywhere."""
    import torch

    has_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(out), "seed": seed, "learning_rate": learning_rate, "use_cpu": not has_gpu, "bf16": has_gpu, "fp16": False,
        "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no", "disable_tqdm": True, "dataloader_num_workers": 0,
    }  # fmt: skip


def trainable(base: LoadedStudent, *, rank: int, seed: int) -> LoadedStudent:
    """The base with a fresh LoRA adapter on all its linear layers; the scale is 1, so the rate needs no retuning with the rank."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    return replace(base, model=cast("PreTrainedModel", get_peft_model(base.model, config)), base=base.source)


def adapter_norm(model: Module) -> float:
    """The L2 norm of the adapter's B matrices, which start at 0: how far it moved from doing nothing."""
    import torch

    squares = [p.detach().float().pow(2).sum() for name, p in model.named_parameters() if "lora_B.default" in name]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


def check_trained(model: Module) -> None:
    """Nothing, when the adapter moved.

    Raises:
        TrainError: its B matrices are still 0, or not finite.
    """
    norm = adapter_norm(model)
    if norm == 0 or not math.isfinite(norm):
        msg = f"training moved nothing: the adapter's norm is {norm!r}; check the learning rate and that the rows are not all alike"
        raise TrainError(msg)


@contextmanager
def quiet_training() -> Iterator[None]:
    """Keep the libraries' notes about their own deprecations away from the user, who can do nothing about them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def remove_printer(trainer: Trainer) -> None:
    """Take away the callback that prints the trainer's log to standard output, where only results belong."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def save_adapter(student: LoadedStudent, out: Path) -> None:
    """Write the trained adapter and the tokenizer; the base is named as the user named it, never by a path of this machine.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    try:
        student.model.peft_config["default"].base_model_name_or_path = student.base
        student.model.save_pretrained(
            str(out),
            selected_adapters=["default"],
            save_embedding_layers=False,  # else peft asks the hub whether the base's vocabulary was changed
        )
        student.tokenizer.save_pretrained(str(out))
        (out / "README.md").unlink(missing_ok=True)  # peft's template; card.json says what this is
    except OSError as error:
        msg = f"cannot write student {str(out)!r}: {error.strerror or error}; choose a writable folder"
        raise ArtifactError(msg) from error
