"""The training loop of an encoder: binary cross-entropy on pairs in a random order of their sides, best epoch kept.

A loop of our own instead of the library's trainer: pairs of like length share a batch, which halves the padding, the order is
drawn by the recipe's seed alone, and no checkpoint is written that an interruption would leave behind.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epm.distill.encoder_network import TextPair, without_marks
from epm.distill.encoder_recipe import EncoderRecipe
from epm.errors import TrainError
from epm.progress import ProgressEvent, ProgressSink, silent

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder

_POOL = 32
"""Batches that are sorted by length together: enough for little padding, few enough for batches that differ."""
_MAX_NORM = 1.0
_WEIGHT_DECAY = 0.01

Judge = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Trained:
    """F1 on the validation pairs after each epoch, and the epoch (from 1) whose weights the network holds now."""

    f1_by_epoch: tuple[float, ...]
    best_epoch: int
    last_loss: float


def train(
    model: CrossEncoder, texts: Sequence[TextPair], matches: Sequence[bool], recipe: EncoderRecipe, judge: Judge, *,
    on_progress: ProgressSink = silent,
) -> Trained:  # fmt: skip
    """Train the network; ``judge`` measures it after each epoch, and the weights of the best are put back at the end.

    Raises:
        TrainError: the loss is no number any more.
    """
    import torch

    plain = without_marks(model, texts)
    rng = random.Random(recipe.seed)
    n_steps = recipe.epochs * math.ceil(len(drawn_rows(matches, recipe.non_matches, rng)) / recipe.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=_WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_factor(step, n_steps, recipe.warmup_share))
    figures: list[float] = []
    best: dict[str, torch.Tensor] = {}
    loss = 0.0
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        drawn = list(batches(plain, drawn_rows(matches, recipe.non_matches, rng), recipe.batch_size, rng))
        for done, batch in enumerate(drawn, start=1):
            loss = _step(model, optimizer, [_turned(plain[row], rng) for row in batch], [matches[row] for row in batch], recipe)
            schedule.step()
            on_progress(ProgressEvent(f"encoder epoch {epoch}", len(drawn), done, note=f"loss {loss:.3f}"))
        figures.append(judge())
        if figures[-1] > max(figures[:-1], default=-1.0):
            best = {name: value.detach().clone() for name, value in model.state_dict().items()}
    model.load_state_dict(best)
    model.eval()
    return Trained(tuple(figures), figures.index(max(figures)) + 1, loss)


def rate_factor(step: int, n_steps: int, warmup_share: float) -> float:
    """The share of the peak rate at a step: up from nearly 0 during the warm-up, then down to 0."""
    n_warmup = round(warmup_share * n_steps)
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    return max(0.0, (n_steps - step) / max(1, n_steps - n_warmup))


def drawn_rows(matches: Sequence[bool], non_matches: float | None, rng: random.Random) -> list[int]:
    """The rows of one epoch: every match, and for each of them ``non_matches`` non-matches drawn without replacement (``None``: all)."""
    if non_matches is None:
        return list(range(len(matches)))
    others = [row for row, is_match in enumerate(matches) if not is_match]
    n_drawn = min(len(others), round(non_matches * (len(matches) - len(others))))
    return [row for row, is_match in enumerate(matches) if is_match] + rng.sample(others, n_drawn)


def batches(texts: Sequence[TextPair], rows: Sequence[int], batch_size: int, rng: random.Random) -> Iterator[list[int]]:
    """Each of the rows once, in batches of like length, in random order."""
    places = list(rows)
    rng.shuffle(places)
    pool = _POOL * batch_size
    found: list[list[int]] = []
    for start in range(0, len(places), pool):
        pooled = sorted(places[start : start + pool], key=lambda place: sum(map(len, texts[place])))
        found.extend(pooled[at : at + batch_size] for at in range(0, len(pooled), batch_size))
    rng.shuffle(found)
    yield from found


def _turned(texts: TextPair, rng: random.Random) -> TextPair:
    return (texts[1], texts[0]) if rng.random() < 1 / 2 else texts


def _step(
    model: CrossEncoder, optimizer: torch.optim.Optimizer, texts: Sequence[TextPair], matches: Sequence[bool], recipe: EncoderRecipe
) -> float:
    import torch
    from sentence_transformers.util import batch_to_device

    features = batch_to_device(model.preprocess(list(texts)), model.device)
    wanted = torch.tensor(matches, dtype=torch.float32, device=model.device)
    weight = torch.tensor(recipe.positive_weight, device=model.device)
    scores = model(features)["scores"].view(-1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), wanted, pos_weight=weight)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainError(f"the loss of the encoder is {value!r}; choose a lower learning rate than {recipe.learning_rate:g}")
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _MAX_NORM)
    optimizer.step()
    return value
