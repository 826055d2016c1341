"""The student as a Matcher: ``seed``, ``student:PATH`` writes rationales, ``student-label:PATH`` only labels.

Invariant: an answer that does not parse is a ``failed`` decision, never a silent "no match"; a rationale is never
repaired. The probability of match is the two-way label log-odds by teacher forcing: after the written rationale, or in
label mode without one and averaged over both orders of the listings.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from epm.decision import Decision, Outcome
from epm.distill.decoding import LABEL_MARK, Sampling, generate, match_log_odds, probability
from epm.distill.fitting import fit_prompt
from epm.distill.loading import SEED, LoadedStudent, load_student
from epm.errors import ConfigError, ErrorClass, FormatError
from epm.identity import STRICT, IdentityRule
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.relation import Label
from epm.student_prompt import PROMPT_NAME, Mode, render_prompt
from epm.student_text import FORMAT_NAME, parse

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MAX_NEW_TOKENS = 224
MAX_PROMPT_TOKENS = 640


class Student:
    """A local model that decides pairs in one of the two modes; loaded once, at the first batch."""

    def __init__(self, source: str, mode: Mode, *, name: str) -> None:
        self.name = name
        self.version = f"{PROMPT_NAME}, {FORMAT_NAME}, {mode.value}"
        self._source = source
        self._mode = mode
        self._loaded: LoadedStudent | None = None
        self._lock = asyncio.Lock()

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order.

        Raises:
            ArtifactError: there is no student at the source.
            ConfigError: the context asks for another identity rule than the student was trained under.
        """
        _check_identity(ctx.identity)
        if not batch:
            return []
        async with self._lock:
            return await asyncio.to_thread(self._decide, batch)

    def _decide(self, batch: Sequence[Pair]) -> list[Decision]:
        if self._loaded is None:
            self._loaded = load_student(self._source)
        student, started_s = self._loaded, time.monotonic()
        decisions = _with_rationale(student, batch) if self._mode is Mode.RATIONALE else _label_alone(student, batch)
        latency_s = (time.monotonic() - started_s) / len(batch)
        provenance = {"student": self._source, "student_sha": student.sha256, "prompt": PROMPT_NAME, "mode": self._mode.value}
        return [replace(decision, latency_s=latency_s, provenance=provenance) for decision in decisions]


def make(arg: str | None) -> Student:
    """``student:PATH``: the student in rationale mode; PATH is a folder or a hub name."""
    return Student(_required(arg, "student"), Mode.RATIONALE, name=f"student:{arg}")


def make_label_mode(arg: str | None) -> Student:
    """``student-label:PATH``: the same student in label mode."""
    return Student(_required(arg, "student-label"), Mode.LABEL, name=f"student-label:{arg}")


def make_seed(arg: str | None) -> Student:
    """``seed``: the packaged ``epm-seed`` as it is, before any training on the user's data."""
    if arg is not None:
        msg = f"matcher 'seed' takes no argument, got {arg!r}: use 'student:{arg}' for a student of your own"
        raise ConfigError(msg)
    return Student(SEED, Mode.RATIONALE, name="seed")


def fitted_prompts(tokenizer: PreTrainedTokenizerBase, batch: Sequence[Pair], mode: Mode) -> list[str]:
    """The prompt of each pair, its listings cut where they would not leave room for the answer."""

    def count_tokens(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    return [fit_prompt(render_prompt(pair, mode), MAX_PROMPT_TOKENS, count_tokens) for pair in batch]


def _with_rationale(student: LoadedStudent, batch: Sequence[Pair]) -> list[Decision]:
    prompts = fitted_prompts(student.tokenizer, batch, Mode.RATIONALE)
    texts = generate(student.model, student.tokenizer, prompts, Sampling(MAX_NEW_TOKENS))
    decisions = [_parsed(pair, text) for pair, text in zip(batch, texts, strict=True)]
    rows = [row for row, decision in enumerate(decisions) if decision.outcome is not Outcome.FAILED]
    prefixes = [prompts[row] + texts[row].rpartition(LABEL_MARK)[0] for row in rows]
    for row, log_odds in zip(rows, match_log_odds(student.model, student.tokenizer, prefixes), strict=True):
        decisions[row] = replace(decisions[row], probability=probability(log_odds))
    return decisions


def _parsed(pair: Pair, text: str) -> Decision:
    try:
        rationale = parse(text)
    except FormatError as error:
        return Decision.failed(pair.id, ErrorClass.INVALID_STRUCTURE, str(error))
    return Decision.from_rationale(pair.id, rationale)


def _label_alone(student: LoadedStudent, batch: Sequence[Pair]) -> list[Decision]:
    both = [*batch, *(pair.swapped() for pair in batch)]
    odds = match_log_odds(student.model, student.tokenizer, fitted_prompts(student.tokenizer, both, Mode.LABEL))
    probabilities = [probability((a + b) / 2) for a, b in zip(odds[: len(batch)], odds[len(batch) :], strict=True)]
    return [
        Decision(pair.id, Outcome.DECIDED, label=Label.MATCH if p >= 1 / 2 else Label.NO_MATCH, probability=p)
        for pair, p in zip(batch, probabilities, strict=True)
    ]


def _required(arg: str | None, name: str) -> str:
    if not arg:
        msg = f"matcher {name!r} needs a student: write '{name}:FOLDER' with a folder that 'epm distill' wrote, or '{name}:seed'"
        raise ConfigError(msg)
    return arg


def _check_identity(identity: IdentityRule) -> None:
    if identity.name != STRICT.name:
        msg = f"a student answers under the identity rule it was trained with, {STRICT.name!r}, not {identity.name!r}: use {STRICT.name!r}"
        raise ConfigError(msg)
