"""Pretraining of ``epm-seed`` from nothing on generated pairs with true rationales.

What a trial of the whole chain taught stands in this recipe: open-vocabulary names, the whole ``student-text v1``
format with the label, true labels, both orders, both modes, loss on prompt and completion. The run is written as
checkpoints and goes on from the last one when the command is repeated.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from epm.artifact import write_card
from epm.distill.architecture import SeedShape, new_model
from epm.distill.checkpoint import STATE_NAME, TrainState, load_state, save_state
from epm.distill.examples import drawn_example
from epm.distill.loading import load_student
from epm.distill.stream import PairSource, PretrainStream, StreamPosition, StreamSettings, Tokens, generated_pairs
from epm.distill.tokenizer import train_tokenizer
from epm.distill.versions import library_versions
from epm.errors import TrainError
from epm.library_settings import require_docstrings
from epm.progress import ProgressEvent, ProgressSink, silent

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

WIDTH_STEP = 32  # few different shapes: kernels and their memory are kept for each
TOKENIZER_PAIRS = 6000
TOKENIZER_SEED = 77  # a chunk of pairs of its own, so that changing the stream does not change the tokenizer


@dataclass(frozen=True, slots=True)
class PretrainRecipe:
    """How the seed is trained. Exactly one of ``minutes`` and ``steps`` says how long.

    ``renamed_share`` of the pairs get names of arbitrary letters, from chunk ``renamed_from_chunk`` on: copying is learnt
    sooner on names of common sounds, but must not depend on them. ``accept_chance`` is the chance that a pair's identity rule
    accepts its variant, pack, bundle or condition: at 0.5 the seed has no opinion, and SFT teaches the user's rule.
    ``prompt_weight`` in [0, 1] is the loss weight of a prompt token beside 1 for a completion token. ``start`` names a student
    whose weights and tokenizer the run begins with, instead of from nothing.
    """

    minutes: float | None = None
    steps: int | None = None
    seed: int = 1
    vocab_size: int = 640
    shape: SeedShape = field(default_factory=SeedShape)
    learning_rate: float = 2e-3
    warmup_share: float = 0.02
    weight_decay: float = 0.05
    batch_size: int = 32
    chunk_pairs: int = 2048
    max_tokens: int = 512
    label_share: float = 0.2
    renamed_share: float = 0.7
    renamed_from_chunk: int = 30
    accept_chance: float = 0.5
    prompt_weight: float = 0.1
    start: str | None = None
    checkpoint_minutes: float = 3.0

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            msg = f"pretraining needs either minutes or steps, got minutes={self.minutes!r} and steps={self.steps!r}"
            raise TrainError(msg)

    def progress(self, *, step: int, elapsed_s: float) -> float:
        """How much of the run is done, in [0, 1]."""
        done = step / self.steps if self.steps is not None else elapsed_s / (60 * (self.minutes or 1))
        return min(done, 1.0)

    def learning_rate_at(self, progress: float) -> float:
        """Linear warm-up, then a cosine down to 2 % of the peak."""
        if progress < self.warmup_share:
            return self.learning_rate * (0.05 + 0.95 * progress / self.warmup_share)
        along = (progress - self.warmup_share) / (1 - self.warmup_share)
        return self.learning_rate * (0.02 + 0.98 * (1 + math.cos(math.pi * along)) / 2)


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """Where the student lies and what its training showed; losses are nats per token over the last batches."""

    folder: Path
    n_steps: int
    elapsed_s: float
    n_parameters: int
    n_examples: int
    completion_nll: float

    def figures(self) -> dict[str, object]:
        """The figures for a card or a report."""
        return {
            "n_steps": self.n_steps, "minutes": round(self.elapsed_s / 60, 1), "n_parameters": self.n_parameters,
            "n_examples": self.n_examples, "completion_nll": round(self.completion_nll, 4),
        }  # fmt: skip


def pretrain(
    out: Path, recipe: PretrainRecipe, *, source: PairSource = generated_pairs, on_progress: ProgressSink = silent,
    figures: Mapping[str, object] | None = None,
) -> PretrainResult:  # fmt: skip
    """Train, or go on training, the seed in ``out`` and write it there as a student artifact.

    Raises:
        TrainError: the folder holds a run of another recipe, or no pair fits the recipe.
        ArtifactError: the folder cannot be written.
    """
    require_docstrings("transformers")
    run = _PretrainRun.begin(out, recipe, source)
    last_nll = run.train(on_progress)
    n_parameters = save_student(run.model, run.tokenizer, out)
    result = PretrainResult(out, run.state.step, run.state.elapsed_s, n_parameters, run.state.step * recipe.batch_size, last_nll)
    write_card(
        out, kind="student", name="epm-seed", data={}, config={"command": "pretrain", **asdict(recipe)},
        versions=library_versions(), figures={**result.figures(), **(figures or {})},
    )  # fmt: skip
    return result


def save_student(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> int:
    """Write the network in 16 bit with its tokenizer and greedy generation settings; its number of parameters."""
    import copy

    small = copy.deepcopy(model).half()  # float16 keeps 3 bits more of these small weights than bfloat16
    small.generation_config.update(do_sample=False, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    small.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return sum(parameter.numel() for parameter in small.parameters())


class _PretrainRun:
    """The state of one run: network, optimiser, stream and clock."""

    def __init__(self, out: Path, recipe: PretrainRecipe, source: PairSource, tokenizer: PreTrainedTokenizerFast) -> None:
        import torch

        torch.manual_seed(recipe.seed)
        self.out = out
        self.recipe = recipe
        self.tokenizer = tokenizer
        self.model = new_model(recipe.shape, tokenizer)
        if recipe.start is not None:
            _take_weights(self.model, recipe.start)
        self.optimizer = torch.optim.AdamW(_decay_groups(self.model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.98))
        settings = StreamSettings(
            seed=recipe.seed, batch_size=recipe.batch_size, chunk_pairs=recipe.chunk_pairs, max_tokens=recipe.max_tokens,
            label_share=recipe.label_share, renamed_share=recipe.renamed_share, renamed_from_chunk=recipe.renamed_from_chunk,
            accept_chance=recipe.accept_chance,
        )  # fmt: skip
        self.stream = PretrainStream(tokenizer, settings, source=source)
        self.state = TrainState()

    @classmethod
    def begin(cls, out: Path, recipe: PretrainRecipe, source: PairSource) -> _PretrainRun:
        run = cls(out, recipe, source, _tokenizer_for(out, recipe, source))
        found = load_state(out, run.model, run.optimizer, fingerprint=_fingerprint(recipe))
        if found is not None:
            run.state = found
        return run

    def train(self, on_progress: ProgressSink) -> float:
        """Train to the end of the recipe; the mean completion loss of the last 50 steps."""
        recipe, started_s, before_s = self.recipe, time.monotonic(), self.state.elapsed_s
        saved_s = started_s
        recent: list[float] = []
        self.model.train()
        for batch, position in self.stream.batches(StreamPosition(self.state.chunk, self.state.batch)):
            progress = recipe.progress(step=self.state.step, elapsed_s=self.state.elapsed_s)
            if progress >= 1:
                break
            recent = [*recent[-49:], self._step(batch, recipe.learning_rate_at(progress))]
            now_s = time.monotonic()
            self.state = TrainState(self.state.step + 1, before_s + now_s - started_s, position.chunk, position.batch)
            if now_s - saved_s > 60 * recipe.checkpoint_minutes:
                save_state(self.out, self.model, self.optimizer, self.state, fingerprint=_fingerprint(recipe))
                saved_s = now_s
            on_progress(_event(recipe, self.state, sum(recent) / len(recent)))
        save_state(self.out, self.model, self.optimizer, self.state, fingerprint=_fingerprint(recipe))
        return sum(recent) / max(len(recent), 1)

    def _step(self, batch: list[Tokens], learning_rate: float) -> float:
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        loss, completion_nll = batch_loss(self.model, batch, prompt_weight=self.recipe.prompt_weight)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return completion_nll


def batch_loss(model: Qwen3ForCausalLM, batch: list[Tokens], *, prompt_weight: float) -> tuple[torch.Tensor, float]:
    """The weighted mean loss of a batch, and the plain mean over its completion tokens in nats."""
    import torch

    width = -(-max(len(tokens.ids) for tokens in batch) // WIDTH_STEP) * WIDTH_STEP + 1
    ids = torch.zeros((len(batch), width), dtype=torch.long)
    weights = torch.zeros((len(batch), width))
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens.ids)] = torch.tensor(tokens.ids)
        weights[row, : tokens.n_prompt] = prompt_weight
        weights[row, tokens.n_prompt : len(tokens.ids)] = 1.0
    # Padding stands after the text, where a causal network cannot see it: no mask is needed.
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_has_fast_bfloat16()):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    nll = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(len(batch), -1)
    weights = weights[:, 1:]
    is_completion = weights == 1.0
    return (nll * weights).sum() / weights.sum(), float(nll.detach()[is_completion].mean())


def _has_fast_bfloat16() -> bool:
    import torch

    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  # no public test


def _tokenizer_for(out: Path, recipe: PretrainRecipe, source: PairSource) -> PreTrainedTokenizerFast:
    """The tokenizer of the run in ``out``, learnt at its beginning: a resumed run must go on with the one it has."""
    import random

    from transformers import PreTrainedTokenizerFast

    if (out / STATE_NAME).is_file() and (out / "tokenizer.json").is_file():
        kept: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(out, local_files_only=True)
        return kept
    if recipe.start is not None:
        started = cast("PreTrainedTokenizerFast", load_student(recipe.start).tokenizer)
        started.save_pretrained(out)
        return started
    rng = random.Random(TOKENIZER_SEED)
    examples = (drawn_example(p, r, rng, label_share=recipe.label_share) for p, r in source(TOKENIZER_PAIRS, TOKENIZER_SEED))
    tokenizer = train_tokenizer(itertools.chain.from_iterable((e.prompt, e.completion) for e in examples), vocab_size=recipe.vocab_size)
    tokenizer.save_pretrained(out)
    return tokenizer


def _take_weights(model: Qwen3ForCausalLM, start: str) -> None:
    """Put the weights of a student of the same shape into the network.

    Raises:
        TrainError: that student has another shape.
    """
    try:
        model.load_state_dict(load_student(start).model.state_dict())
    except RuntimeError as error:
        msg = (
            f"cannot begin with the weights of {start!r}: its shape is not the recipe's; leave start away, or give a student of that shape"
        )
        raise TrainError(msg) from error


def _decay_groups(model: Qwen3ForCausalLM, weight_decay: float) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


def _fingerprint(recipe: PretrainRecipe) -> str:
    kept = {k: v for k, v in asdict(recipe).items() if k not in {"minutes", "steps", "checkpoint_minutes"}}
    return repr(sorted(kept.items()))


def _event(recipe: PretrainRecipe, state: TrainState, nll: float) -> ProgressEvent:
    progress = recipe.progress(step=state.step, elapsed_s=state.elapsed_s)
    note = f"completion loss {nll:.3f}, {state.step / max(state.elapsed_s, 1e-9):.1f} steps/s"
    total = recipe.steps if recipe.steps is not None else max(state.step, round(state.step / max(progress, 1e-6)))
    return ProgressEvent("pretrain", total, state.step, note=note)
