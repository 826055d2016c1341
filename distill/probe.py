"""The probe of a student: fixed prompts, sampled and greedy, before and after a training.

The probe's pairs share no product, so that resampling prompts is resampling independent things.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from epm.distill.decoding import Sampling, generate
from epm.distill.rewards import RewardModel, RewardParts
from epm.errors import FormatError
from epm.pair import Pair
from epm.relation import Label
from epm.student_text import parse

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

N_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class ProbeFigures:
    """What a student does on the probe.

    ``rewards`` holds the mean sampled R of each prompt, in [0, 1]; ``gold_f1`` and ``greedy_well_formed`` are of greedy
    answers, everything else of samples at temperature 1. Unparsed answers count as non-match.
    """

    rewards: tuple[float, ...]
    well_formed: float
    component_means: dict[str, float]
    positive_rate: float
    gold_f1: float
    greedy_well_formed: float
    mean_tokens: float
    p99_tokens: int

    @property
    def mean_reward(self) -> float:
        """The mean of R over the prompts."""
        return float(np.mean(self.rewards))


@dataclass(frozen=True, slots=True)
class Probe:
    """Prompts with their pairs; ``n_samples`` completions of each are drawn with the same seed every time."""

    prompts: tuple[str, ...]
    pairs: tuple[Pair, ...]
    n_samples: int = 4
    seed: int = 0

    def measure(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rewards: RewardModel, *, max_new_tokens: int
    ) -> ProbeFigures:
        """The figures of a network on the probe."""
        repeated = [prompt for prompt in self.prompts for _ in range(self.n_samples)]
        sampled = generate(model, tokenizer, repeated, Sampling(max_new_tokens, temperature=1.0, seed=self.seed))
        parts = rewards.masked_parts(repeated, sampled)
        greedy = generate(model, tokenizer, self.prompts, Sampling(max_new_tokens))
        lengths = [len(ids) for ids in tokenizer(sampled, add_special_tokens=False)["input_ids"]]
        labels = [label_of(text) for text in greedy]
        return ProbeFigures(
            rewards=tuple(_mean_rewards(parts, self.n_samples)), well_formed=_mean([one.format for one in parts]),
            component_means=_component_means(parts), positive_rate=_mean([label_of(text) is Label.MATCH for text in sampled]),
            gold_f1=f1([pair.gold_label for pair in self.pairs], labels), greedy_well_formed=_mean([is_well_formed(text) for text in greedy]),
            mean_tokens=_mean(lengths), p99_tokens=int(np.percentile(lengths, 99)),
        )  # fmt: skip


def split_probe(pairs: Sequence[Pair], n_probe: int, *, seed: int) -> tuple[list[Pair], list[Pair]]:
    """At most ``n_probe`` pairs that share no product, and the pairs that share no product with them."""
    order = list(pairs)
    random.Random(seed).shuffle(order)
    probe: list[Pair] = []
    used: set[str] = set()
    for pair in order:
        products = {pair.left.product_id(), pair.right.product_id()}
        if len(probe) < n_probe and not products & used:
            probe.append(pair)
            used |= products
    rest = [pair for pair in order if not {pair.left.product_id(), pair.right.product_id()} & used]
    return probe, rest


def paired_interval(after: Sequence[float], before: Sequence[float], *, seed: int = 0) -> tuple[float, tuple[float, float]]:
    """The mean of ``after - before`` over prompts and its 95 % interval by resampling prompts.

    Raises:
        ValueError: the two are not of the same, non-empty length.
    """
    if len(after) != len(before) or not after:
        msg = f"a paired interval needs two equal, non-empty lengths, got {len(after)} and {len(before)}"
        raise ValueError(msg)
    differences = np.asarray(after) - np.asarray(before)
    drawn = np.random.default_rng(seed).integers(0, len(differences), size=(N_RESAMPLES, len(differences)))
    low, high = np.percentile(differences[drawn].mean(axis=1), [2.5, 97.5])
    return float(differences.mean()), (float(low), float(high))


def f1(gold: Sequence[Label | None], predicted: Sequence[Label | None]) -> float:
    """F1 of match in [0, 1]; an answer without a label counts as non-match, and 0 stands for "nothing to find or found"."""
    both = sum(g is Label.MATCH and p is Label.MATCH for g, p in zip(gold, predicted, strict=True))
    total = sum(g is Label.MATCH for g in gold) + sum(p is Label.MATCH for p in predicted)
    return 2 * both / total if total else 0.0


def is_well_formed(text: str) -> bool:
    """True when the text is exactly one rationale."""
    try:
        parse(text)
    except FormatError:
        return False
    return True


def label_of(text: str) -> Label | None:
    """The label of a rationale text; ``None`` when undecided or malformed."""
    try:
        return parse(text).label
    except FormatError:
        return None


def _mean_rewards(parts: Sequence[RewardParts], n_samples: int) -> list[float]:
    # an axis that nobody could score is dropped for its whole group, before and after alike: it adds nothing
    rewards = [_reward(one) for one in parts]
    return [_mean(rewards[i : i + n_samples]) for i in range(0, len(rewards), n_samples)]


def _reward(parts: RewardParts) -> float:
    known = parts.reward()
    if known is not None:
        return known
    axes = [parts.core, parts.identifier, parts.variant]
    return (parts.format + 2 * parts.label + sum(value for value in axes if value is not None) / 3) / 4


def _component_means(parts: Sequence[RewardParts]) -> dict[str, float]:
    names = ("format", "label", "core", "identifier", "variant")
    columns = {name: [value for one in parts if (value := getattr(one, name)) is not None] for name in names}
    return {name: _mean(values) for name, values in columns.items() if values}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
