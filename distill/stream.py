"""Batches for pretraining: generated pairs without end, tokenised, similar lengths together.

The stream is a function of its seed and position, so that an interrupted pretraining goes on with the batch it had not
seen yet.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epm.distill.examples import Example, drawn_example
from epm.distill.house_rule import under_random_rule
from epm.distill.renaming import renamed
from epm.errors import TrainError
from epm.pair import Pair
from epm.rationale import Rationale

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Labelled = tuple[Pair, Rationale]
PairSource = Callable[[int, int], Sequence[Labelled]]
"""Pairs with true rationales: ``source(n_pairs, seed)``, the same for the same arguments."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token ids of one example, end token included, and how many of them are prompt."""

    ids: tuple[int, ...]
    n_prompt: int


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Where the stream is: the chunk of pairs, and the batch within it."""

    chunk: int = 0
    batch: int = 0


def generated_pairs(n_pairs: int, seed: int) -> list[Labelled]:
    """Pairs of the generator's pretraining world, whose words no other world uses."""
    from epm.sample import World, generate

    return [(drawn.pair, drawn.rationale) for drawn in generate(World.PRETRAIN, n_pairs, seed=seed)]


def tokenise(examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase) -> list[Tokens]:
    """The examples as token ids; prompt and completion are tokenised apart, so no token spans their border."""
    prompts = tokenizer([example.prompt for example in examples], add_special_tokens=False)["input_ids"]
    completions = tokenizer([example.completion for example in examples], add_special_tokens=False)["input_ids"]
    end = (tokenizer.eos_token_id,)
    return [Tokens((*prompt, *completion, *end), len(prompt)) for prompt, completion in zip(prompts, completions, strict=True)]


def token_groups(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The tokens of two to four plain letters, lower case, sorted: joined at random they show every token in every company."""
    return sorted({token.lower() for token in tokenizer.get_vocab() if token.isascii() and token.isalpha() and 1 < len(token) <= 4})  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a stream draws: ``label_share`` in label mode, ``renamed_share`` with new names from chunk ``renamed_from_chunk`` on.

    With ``accept_chance`` the label follows an identity rule drawn for each pair instead of the generator's strict one.
    """

    seed: int
    batch_size: int = 32
    chunk_pairs: int = 2048
    max_tokens: int = 512
    label_share: float = 0.2
    renamed_share: float = 0.0
    renamed_from_chunk: int = 0
    accept_chance: float = 0.0


class PretrainStream:
    """Endless batches of examples of similar length; examples above ``max_tokens`` are left out."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: StreamSettings, *, source: PairSource = generated_pairs) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        self._source = source
        self._pieces = token_groups(tokenizer) if settings.renamed_share else []

    def batches(self, start: StreamPosition) -> Iterator[tuple[list[Tokens], StreamPosition]]:
        """Each batch with the position after it.

        Raises:
            TrainError: no example of a chunk fits into ``max_tokens``.
        """
        position = start
        while True:
            chunk = self._chunk(position.chunk)
            for index in range(position.batch, len(chunk)):
                yield chunk[index], StreamPosition(position.chunk, index + 1)
            position = StreamPosition(position.chunk + 1, 0)

    def _named(self, drawn: Labelled, rng: random.Random, chunk: int) -> Labelled:
        if chunk < self._settings.renamed_from_chunk or rng.random() >= self._settings.renamed_share:
            return drawn
        return renamed(*drawn, rng, pieces=self._pieces)

    def _chunk(self, index: int) -> list[list[Tokens]]:
        rng = random.Random(f"{self._settings.seed}:{index}")
        pairs = [
            self._named(drawn, rng, index) for drawn in self._source(self._settings.chunk_pairs, self._settings.seed * 1_000_003 + index)
        ]
        examples = [
            drawn_example(
                pair, under_random_rule(rationale, rng, accept_chance=self._settings.accept_chance), rng,
                label_share=self._settings.label_share,
            )
            for pair, rationale in pairs
        ]  # fmt: skip
        fitting = sorted(
            (t for t in tokenise(examples, self._tokenizer) if len(t.ids) <= self._settings.max_tokens), key=lambda t: len(t.ids)
        )
        size = self._settings.batch_size
        batches = [fitting[i : i + size] for i in range(0, len(fitting) - size + 1, size)]
        if not batches:
            msg = f"pretraining: {len(fitting)} of {len(examples)} examples fit into {self._settings.max_tokens} tokens; raise max_tokens above that"
            raise TrainError(msg)
        rng.shuffle(batches)
        return batches
