"""The architecture of ``epm-seed``: a small Qwen3, so that every tool that runs Qwen3 runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM


@dataclass(frozen=True, slots=True)
class SeedShape:
    """Sizes of the network; the defaults give 1.9 M parameters with a vocabulary of 640, below 4 MB in 16 bit.

    ``init_std`` is larger than Qwen3's 0.02, which suits wide networks: a narrow one starts to copy sooner from 0.05.
    """

    hidden: int = 192
    layers: int = 4
    heads: int = 4
    intermediate: int = 512
    context_tokens: int = 1024
    init_std: float = 0.05


def new_model(shape: SeedShape, tokenizer: PreTrainedTokenizerBase) -> Qwen3ForCausalLM:
    """A freshly initialised float32 network for that tokenizer."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=shape.hidden, intermediate_size=shape.intermediate, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.heads, head_dim=shape.hidden // shape.heads,
        max_position_embeddings=shape.context_tokens, tie_word_embeddings=True, use_cache=True, initializer_range=shape.init_std,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    return Qwen3ForCausalLM(config)
