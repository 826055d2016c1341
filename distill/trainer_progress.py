"""Progress of a transformers trainer as our events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epm.progress import ProgressEvent, ProgressSink

if TYPE_CHECKING:
    from transformers import TrainerCallback


def progress_callback(stage: str, on_progress: ProgressSink) -> TrainerCallback:
    """A callback that tells the sink each step and the newest logged figures."""
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

    class Tell(TrainerCallback):
        note = ""

        def on_log(self, *_: object, logs: dict[str, float] | None = None, **__: object) -> None:
            shown = {name: logs[name] for name in ("loss", "reward", "kl") if name in logs} if logs else {}
            self.note = ", ".join(f"{name} {float(value):.3f}" for name, value in shown.items()) or self.note

        def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:  # noqa: ARG002
            on_progress(ProgressEvent(stage, state.max_steps, state.global_step, note=self.note))

    return Tell()
