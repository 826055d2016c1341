"""GRPO on an SFT adapter with the reward R of ``rewards``, by ``trl.GRPOTrainer``.

Before it trains, it measures: a student whose samples at temperature 1 are malformed gives every group the same reward,
so training would move nothing. Afterwards it proves that groups differed and that the adapter moved, and measures the
same probe again.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from epm.artifact import write_card
from epm.distill.loading import ADAPTER_CONFIG, LoadedStudent, load_student
from epm.distill.probe import Probe, ProbeFigures, paired_interval, split_probe
from epm.distill.rewards import REWARD_WEIGHTS, RewardModel
from epm.distill.student import fitted_prompts
from epm.distill.trainer_progress import progress_callback
from epm.distill.training_setup import (
    adapter_norm,
    quiet_training,
    remove_printer,
    require_adapter_room,
    save_adapter,
    trainer_settings,
    use_threads,
)
from epm.distill.versions import library_versions
from epm.errors import ConfigError, DataError, TrainError
from epm.files.atomic import write_text
from epm.judge import Judge
from epm.pair import Pair
from epm.progress import ProgressEvent, ProgressSink, silent
from epm.student_prompt import Mode

if TYPE_CHECKING:
    from trl.trainer.grpo_trainer import GRPOTrainer

MIN_WELL_FORMED = 0.95
METRICS_NAME = "metrics.jsonl"
LENGTH_MARGIN = 1.3


@dataclass(frozen=True, slots=True)
class GrpoRecipe:
    """How the adapter is trained further; the defaults suit ``epm-seed`` on two cores.

    ``beta`` is the weight of the KL divergence to the SFT policy, ``max_tokens`` the most that a completion may have.
    """

    steps: int = 20
    prompts_per_step: int = 8
    samples_per_prompt: int = 8
    learning_rate: float = 1e-3
    beta: float = 0.0
    max_tokens: int = 192
    n_probe: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.prompts_per_step, self.max_tokens, self.n_probe) < 1 or self.samples_per_prompt < 2:  # noqa: PLR2004
            msg = f"GRPO needs at least one step, prompt, token and probe prompt and two samples per prompt, got {asdict(self)!r}"
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class GrpoResult:
    """Where the adapter lies, the probe before and after, and the paired difference of R with its 95 % interval."""

    folder: Path
    before: ProbeFigures
    after: ProbeFigures
    reward_gain: float
    reward_gain_ci95: tuple[float, float]
    n_steps: int
    elapsed_s: float

    def figures(self) -> dict[str, object]:
        """The figures for a card or a report."""
        shown: dict[str, object] = {
            "n_steps": self.n_steps, "seconds": round(self.elapsed_s, 1), "n_probe": len(self.before.rewards),
            "reward_gain": round(self.reward_gain, 5), "reward_gain_ci95": [round(end, 5) for end in self.reward_gain_ci95],
            "gold_f1_drop": round(self.before.gold_f1 - self.after.gold_f1, 5),
        }  # fmt: skip
        for when, probe in (("before", self.before), ("after", self.after)):
            shown[when] = {"mean_reward": probe.mean_reward, **{k: v for k, v in asdict(probe).items() if k != "rewards"}}
        return shown


def run_grpo(
    pairs: Sequence[Pair], student: str, out: Path, *, judges: Sequence[Judge], recipe: GrpoRecipe, on_progress: ProgressSink = silent
) -> GrpoResult:
    """Train the student's adapter further on labelled pairs and write it to ``out``.

    Raises:
        DataError: too few pairs with a gold label.
        TrainError: the student is no adapter, its samples are malformed, all groups were alike, or nothing moved.
        ArtifactError: the student cannot be loaded or the folder cannot be written.
    """
    started_s = time.monotonic()
    use_threads()
    run = _GrpoRun.begin(pairs, student, out, judges, recipe)
    require_adapter_room(run.student.model, out)
    on_progress(ProgressEvent("grpo", recipe.steps, 0, note="probe before"))
    before = run.measure()
    check_well_formed(before.well_formed, student)
    run.train(before, on_progress)
    on_progress(ProgressEvent("grpo", recipe.steps, recipe.steps, note="probe after"))
    after = run.measure()
    gain, interval = paired_interval(after.rewards, before.rewards, seed=recipe.seed)
    result = GrpoResult(out, before, after, gain, interval, recipe.steps, time.monotonic() - started_s)
    run.save(result)
    return result


def check_well_formed(share: float, student: str) -> None:
    """Nothing, when enough samples parse for the reward to tell rollouts apart.

    Raises:
        TrainError: fewer than 95 % do.
    """
    if share < MIN_WELL_FORMED:
        msg = (
            f"only {share:.1%} of the samples of {student!r} at temperature 1 are well formed, {MIN_WELL_FORMED:.0%} are needed: "
            "groups would all score alike; train the student longer with 'epm distill sft' (more rows or epochs), then repeat"
        )
        raise TrainError(msg)


def check_groups_differed(log: Sequence[dict[str, float]]) -> None:
    """Nothing, when in some step some group's rewards differed.

    Raises:
        TrainError: every group scored alike in every step, so there was no gradient.
    """
    if not any(entry.get("frac_reward_zero_std", 1.0) < 1.0 for entry in log):
        msg = (
            f"no group of rollouts differed in reward in {len(log)} logged steps, so nothing was learnt: give harder pairs or more samples"
        )
        raise TrainError(msg)


class _GrpoRun:
    def __init__(
        self, student: LoadedStudent, out: Path, recipe: GrpoRecipe, probe: Probe, train: dict[str, Pair], judges: Sequence[Judge]
    ) -> None:
        self.student = student
        self.out = out
        self.recipe = recipe
        self.probe = probe
        self.prompts = list(train)
        self.data_sha = hashlib.sha256(
            json.dumps([*train, *probe.prompts], ensure_ascii=False).encode("utf-8", "surrogatepass")
        ).hexdigest()
        self.judges = ", ".join(f"{judge.name} {judge.version}" for judge in judges)
        self.rewards = RewardModel(judges, {**train, **dict(zip(probe.prompts, probe.pairs, strict=True))})
        self.log: list[dict[str, float]] = []

    @classmethod
    def begin(cls, pairs: Sequence[Pair], student: str, out: Path, judges: Sequence[Judge], recipe: GrpoRecipe) -> _GrpoRun:
        labelled = [pair for pair in pairs if pair.gold_label is not None]
        probe_pairs, rest = split_probe(labelled, min(recipe.n_probe, len(labelled) // 2), seed=recipe.seed)
        if student != "seed" and Path(student).is_dir() and not (Path(student) / ADAPTER_CONFIG).is_file():
            msg = f"{student!r} has no adapter to train further: run 'epm distill sft' first and give its folder"
            raise TrainError(msg)
        loaded = load_student(student, is_trainable=True)
        if not hasattr(loaded.model, "peft_config"):
            msg = f"{student!r} has no adapter to train further: run 'epm distill sft' first and give its folder"
            raise TrainError(msg)
        rng = random.Random(recipe.seed)
        ordered = [pair.swapped() if rng.random() < 1 / 2 else pair for pair in rest]
        train = dict(zip(fitted_prompts(loaded.tokenizer, ordered, Mode.RATIONALE), ordered, strict=True))
        if len(train) < recipe.prompts_per_step or not probe_pairs:
            msg = (
                f"GRPO needs at least {recipe.prompts_per_step} different labelled pairs beside its probe, got {len(labelled)} labelled of {len(pairs)}: "
                "give more pairs with gold_label"
            )
            raise DataError(msg)
        probe = Probe(tuple(fitted_prompts(loaded.tokenizer, probe_pairs, Mode.RATIONALE)), tuple(probe_pairs), seed=recipe.seed)
        return cls(loaded, out, recipe, probe, train, judges)

    def measure(self) -> ProbeFigures:
        self.student.model.eval()
        return self.probe.measure(self.student.model, self.student.tokenizer, self.rewards, max_new_tokens=self.recipe.max_tokens)

    def train(self, before: ProbeFigures, on_progress: ProgressSink) -> None:
        start_norm = adapter_norm(self.student.model)
        with quiet_training():
            trainer = self._trainer(min(self.recipe.max_tokens, round(LENGTH_MARGIN * before.p99_tokens)), on_progress)
            trainer.train()
        self.log = [entry for entry in trainer.state.log_history if "reward" in entry]
        check_groups_differed(self.log)
        if adapter_norm(self.student.model) == start_norm:
            msg = (
                f"GRPO moved nothing: the adapter's norm is {start_norm!r} as before; check the learning rate {self.recipe.learning_rate!r}"
            )
            raise TrainError(msg)

    def _trainer(self, max_completion_tokens: int, on_progress: ProgressSink) -> GRPOTrainer:
        from datasets import Dataset
        from trl.trainer.grpo_config import GRPOConfig
        from trl.trainer.grpo_trainer import GRPOTrainer

        recipe = self.recipe
        config = GRPOConfig(
            **trainer_settings(self.out, seed=recipe.seed, learning_rate=recipe.learning_rate),
            max_steps=recipe.steps, per_device_train_batch_size=recipe.prompts_per_step * recipe.samples_per_prompt,
            num_generations=recipe.samples_per_prompt, max_completion_length=max_completion_tokens, temperature=1.0, beta=recipe.beta,
            loss_type="dapo", scale_rewards="none", reward_weights=list(REWARD_WEIGHTS), epsilon_high=0.28, lr_scheduler_type="constant",
            logging_steps=1, max_grad_norm=1.0,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=self.student.model, reward_funcs=[*self.rewards.functions()], args=config, processing_class=self.student.tokenizer,
            train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in self.prompts]), callbacks=[progress_callback("grpo", on_progress)],
        )  # fmt: skip
        remove_printer(trainer)
        return trainer

    def save(self, result: GrpoResult) -> None:
        save_adapter(self.student, self.out)
        write_text(self.out / METRICS_NAME, "".join(f"{json.dumps(entry, sort_keys=True)}\n" for entry in self.log))
        unscored = {"n_judged": self.rewards.n_judged, "n_unscored": self.rewards.n_unscored}
        write_card(
            self.out, kind="student", name="epm-student-grpo", data={"prompts": self.data_sha},
            config={"command": "grpo", "base": self.student.base, "reward": "paper", "judges": self.judges, **asdict(self.recipe)},
            versions=library_versions(), figures={**result.figures(), **unscored}, parents={"sft": self.student.sha256},
        )  # fmt: skip
