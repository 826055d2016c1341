"""Answers of a causal language model: batched generation, and the two-way log-odds of the label.

Prompts of similar length share a batch; padding stands on the left, so that every row ends where it goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epm.relation import Label
from epm.student_text import render_label

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LABEL_MARK = "<label>"
TokensDone = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to continue a prompt: greedy at ``temperature`` 0, else sampling that ``seed`` makes repeatable."""

    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0
    batch_size: int = 64


def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    sampling: Sampling,
    *,
    on_done: TokensDone | None = None,
) -> list[str]:
    """The completion of each prompt, without the end token; cut at ``max_new_tokens`` where the model did not end."""
    import torch

    torch.manual_seed(sampling.seed)
    settings: dict[str, object] = {"max_new_tokens": sampling.max_new_tokens, "do_sample": sampling.temperature > 0, "use_cache": True}
    if sampling.temperature > 0:
        settings |= {"temperature": sampling.temperature, "top_k": 0, "top_p": 1.0}
    answers = [""] * len(prompts)
    ids = tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
    for rows in _by_length(ids, sampling.batch_size):
        inputs, mask = _left_padded([ids[row] for row in rows], tokenizer, model.device)
        with torch.inference_mode():
            out = model.generate(  # type: ignore[operator]  # a transformers mixin method, untyped
                input_ids=inputs, attention_mask=mask, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, **settings
            )
        texts = tokenizer.batch_decode(out[:, inputs.shape[1] :], skip_special_tokens=True)
        for row, text in zip(rows, texts, strict=True):
            answers[row] = text
        if on_done is not None:
            on_done(len(rows))
    return answers


def match_log_odds(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prefixes: Sequence[str], *, batch_size: int = 64
) -> list[float]:
    """Ln p(match) - ln p(no_match) after each prefix, by teacher forcing and without decoding.

    A prefix is a prompt, or a prompt with a rationale up to its label segment. Both labels are written after it; the
    odds are read at the first token at which the two texts differ, where the choice is made.
    """
    import torch

    forced = [_forced_choice(tokenizer, prefix) for prefix in prefixes]
    odds = [math.nan] * len(prefixes)
    for rows in _by_length([choice.prefix for choice in forced], batch_size):
        inputs, mask = _left_padded([forced[row].prefix for row in rows], tokenizer, model.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        with torch.inference_mode():
            logits = model(input_ids=inputs, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=1).logits
        logprobs = torch.log_softmax(logits[:, -1].float(), dim=-1)
        for at, row in enumerate(rows):
            odds[row] = float(logprobs[at, forced[row].match_token] - logprobs[at, forced[row].no_match_token])
    return odds


def probability(log_odds: float) -> float:
    """The probability in [0, 1] of natural log-odds."""
    return 1 / (1 + math.exp(-log_odds)) if log_odds >= 0 else math.exp(log_odds) / (1 + math.exp(log_odds))


@dataclass(frozen=True, slots=True)
class _ForcedChoice:
    prefix: list[int]
    match_token: int
    no_match_token: int


def _forced_choice(tokenizer: PreTrainedTokenizerBase, prefix: str) -> _ForcedChoice:
    match, no_match = (tokenizer(prefix + render_label(label), add_special_tokens=False)["input_ids"] for label in Label)
    n_common = next(i for i, (a, b) in enumerate(zip(match, no_match, strict=False)) if a != b)
    return _ForcedChoice(match[:n_common], match[n_common], no_match[n_common])


def _by_length(ids: Sequence[Sequence[int]], batch_size: int) -> list[list[int]]:
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def _left_padded(
    ids: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    width = max(len(row) for row in ids)
    inputs = torch.full((len(ids), width), int(tokenizer.pad_token_id or 0), dtype=torch.long)
    mask = torch.zeros((len(ids), width), dtype=torch.long)
    for at, row in enumerate(ids):
        inputs[at, width - len(row) :] = torch.tensor(row)
        mask[at, width - len(row) :] = 1
    return inputs.to(device), mask.to(device)
