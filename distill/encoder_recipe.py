"""How an encoder is trained; everything here stands on its card."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from epm.errors import ConfigError

MINILM = "minilm"
"""The base of this name is the packaged MiniLM, which needs no network."""

MIN_TOKENS = 8
"""A word or two of either side beside the marks around them."""


@dataclass(frozen=True, slots=True)
class EncoderRecipe:
    """The defaults suit RoBERTa-base; the packaged MiniLM wants a higher rate.

    ``warmup_share`` of all steps the rate climbs from 0, after them it falls to 0, both linearly. A match counts
    ``positive_weight`` times in the loss. For each match, ``non_matches`` of the non-matches are drawn anew in each epoch; ``None``
    takes all of them.
    """

    base: str = "FacebookAI/roberta-base"
    epochs: int = 5
    learning_rate: float = 3e-5
    batch_size: int = 32
    max_tokens: int = 128
    warmup_share: float = 0.1
    positive_weight: float = 1.0
    non_matches: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        positive = (self.learning_rate, self.positive_weight, 1.0 if self.non_matches is None else self.non_matches)
        if any(not math.isfinite(value) or value <= 0 for value in positive) or min(self.epochs, self.batch_size) < 1:
            msg = f"an encoder needs positive epochs, learning rate, batch size, weight and share of non-matches, got {asdict(self)!r}"
            raise ConfigError(msg)
        if self.max_tokens < MIN_TOKENS or not 0 <= self.warmup_share < 1:
            msg = f"an encoder reads at least {MIN_TOKENS} tokens and warms up in a share of [0, 1), got {asdict(self)!r}"
            raise ConfigError(msg)
