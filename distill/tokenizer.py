"""The seed's own tokenizer: a small byte-level BPE in which copying and comparing names is easy.

Every mark of ``student_prompt.TAGS`` is one token, digits are single tokens, and a word is split the same way wherever
it stands: white space never merges with the word after it, so that a quote is the same tokens as its source.

    tokenizer = train_tokenizer(texts, vocab_size=640)
    tokenizer.save_pretrained(folder)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from epm.errors import TrainError
from epm.student_prompt import TAGS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

EOS = "<|end|>"
PAD = "<|pad|>"
N_BYTES = 256
# Kept whole so that BPE may merge them: the end of a cell with its verdict sign, a missing side, a line break.
# Everything else: a run of letters, one digit, one space, or one other character.
_PIECES = r"\|[=!?]\n|\|~|\n|\p{L}+|\p{N}|\s|[^\p{L}\p{N}\s]"


def train_tokenizer(texts: Iterable[str], *, vocab_size: int = 640) -> PreTrainedTokenizerFast:
    """A tokenizer of exactly or at most ``vocab_size`` tokens, learnt from prompts and completions.

    Raises:
        TrainError: ``vocab_size`` leaves no room for the bytes and the marks.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    n_fixed = N_BYTES + len(TAGS) + 2
    if vocab_size <= n_fixed:
        msg = f"vocab_size {vocab_size!r} is too small: {n_fixed} tokens are bytes and marks; choose 600 to 800"
        raise TrainError(msg)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    # The marks are not "special": decoding with skip_special_tokens, as trl does, must keep them.
    marks = [AddedToken(tag, normalized=False, special=False) for tag in TAGS]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(marks),
        special_tokens=[AddedToken(PAD, special=True), AddedToken(EOS, special=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((_without_marks(text) for text in texts), trainer)
    tokenizer.add_tokens(marks)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD, padding_side="left", clean_up_tokenization_spaces=False
    )


def _without_marks(text: str) -> str:
    for tag in TAGS:
        text = text.replace(tag, " ")
    return text
