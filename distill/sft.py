"""Supervised fine-tuning: completion-only LoRA on teacher rationales with ``trl.SFTTrainer``.

The result is an artifact folder with the adapter, the tokenizer and ``card.json``, which names the base.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from epm.artifact import write_card
from epm.distill.dataset import SftRow
from epm.distill.dataset_files import rows_sha
from epm.distill.loading import LoadedStudent, load_student
from epm.distill.sft_rows import FittedRows, check_labels_survive, fitted_rows, positive_share, with_shuffled_labels
from epm.distill.trainer_progress import progress_callback
from epm.distill.training_setup import (
    check_trained,
    quiet_training,
    remove_printer,
    require_adapter_room,
    save_adapter,
    trainable,
    trainer_settings,
    use_threads,
)
from epm.distill.versions import library_versions
from epm.errors import ConfigError
from epm.progress import ProgressSink, silent

if TYPE_CHECKING:
    from datasets import Dataset
    from trl.trainer.sft_trainer import SFTTrainer


@dataclass(frozen=True, slots=True)
class SftRecipe:
    """How the adapter is trained; the defaults suit ``epm-seed``, a hub model of 0.5 B and more wants a rate near 2e-4."""

    base: str = "seed"
    epochs: float = 3.0
    learning_rate: float = 1.2e-3
    batch_size: int = 16
    lora_rank: int = 32
    max_tokens: int = 768
    shuffle_labels: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs <= 0 or self.learning_rate <= 0 or self.batch_size < 1 or self.lora_rank < 1:
            msg = f"SFT needs positive epochs, learning rate, batch size and rank, got {asdict(self)!r}"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class SftResult:
    """Where the adapter lies and what its training showed; losses are nats per completion token."""

    folder: Path
    n_rows: int
    n_steps: int
    elapsed_s: float
    first_loss: float
    last_loss: float

    def figures(self) -> dict[str, object]:
        """The figures for a card or a report."""
        return {
            "n_rows": self.n_rows, "n_steps": self.n_steps, "seconds": round(self.elapsed_s, 1),
            "first_loss": round(self.first_loss, 4), "last_loss": round(self.last_loss, 4),
        }  # fmt: skip


def run_sft(rows: Sequence[SftRow], out: Path, recipe: SftRecipe, *, on_progress: ProgressSink = silent) -> SftResult:
    """Train an adapter on the rows and write it to ``out``.

    Raises:
        TrainError: no row fits the context, a label was cut off, or the adapter did not move.
        ArtifactError: the base cannot be loaded or the folder cannot be written.
    """
    started_s = time.monotonic()
    use_threads()
    base = load_student(recipe.base)
    chosen = with_shuffled_labels(rows, seed=recipe.seed) if recipe.shuffle_labels else list(rows)
    fitted = fitted_rows(chosen, recipe.max_tokens, lambda text: len(base.tokenizer(text, add_special_tokens=False)["input_ids"]))
    student = trainable(base, rank=recipe.lora_rank, seed=recipe.seed)
    require_adapter_room(student.model, out)
    with quiet_training():
        trainer = _trainer(student, fitted.rows, out, recipe, on_progress)
        check_labels_survive(_training_texts(trainer, base))
        trainer.train()
    check_trained(student.model)
    save_adapter(student, out)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    result = SftResult(out, len(fitted.rows), trainer.state.global_step, time.monotonic() - started_s, losses[0], losses[-1])
    _write_card(result, recipe, base, fitted)
    return result


def _trainer(student: LoadedStudent, rows: Sequence[SftRow], out: Path, recipe: SftRecipe, on_progress: ProgressSink) -> SFTTrainer:
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    texts = [{"prompt": row.prompt, "completion": row.completion} for row in rows]
    config = SFTConfig(
        **trainer_settings(out, seed=recipe.seed, learning_rate=recipe.learning_rate),
        num_train_epochs=recipe.epochs, per_device_train_batch_size=recipe.batch_size, max_length=recipe.max_tokens,
        completion_only_loss=True, packing=False, lr_scheduler_type="cosine", warmup_steps=0.05, logging_steps=5, logging_first_step=True,
        train_sampling_strategy="group_by_length",
    )  # fmt: skip
    trainer = SFTTrainer(
        model=student.model, args=config, train_dataset=Dataset.from_list(texts), processing_class=student.tokenizer,
        callbacks=[progress_callback("sft", on_progress)],
    )  # fmt: skip
    remove_printer(trainer)
    return trainer


def _training_texts(trainer: SFTTrainer, base: LoadedStudent) -> list[str]:
    """The rows as the trainer will feed them, after whatever it cut."""
    rows = cast("Dataset", trainer.train_dataset)
    return [str(base.tokenizer.decode(row["input_ids"], skip_special_tokens=True)) for row in rows]


def _write_card(result: SftResult, recipe: SftRecipe, base: LoadedStudent, fitted: FittedRows) -> None:
    figures = {
        **result.figures(), "n_pairs": len({row.pair_id for row in fitted.rows}), "n_cut": fitted.n_cut, "n_too_long": fitted.n_too_long,
        "positive_share": round(positive_share(fitted.rows), 4),
    }  # fmt: skip
    write_card(
        result.folder, kind="student", name="epm-student-sft", data={"sft": rows_sha(fitted.rows)},
        config={"command": "sft", **asdict(recipe)}, versions=library_versions(), figures=figures, parents={"base": base.sha256},
    )  # fmt: skip
