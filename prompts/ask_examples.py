"""Worked cases that are shown before a question is asked, and the few-shot sets they are dealt into.

After LeReT (arXiv 2410.23214): variety among questions comes from other examples in the prompt, not from a higher temperature. The
file ``prompts/teacher/ask_examples.v1.toml`` is frozen like a prompt; its SHA-256 stands in ``prompts/lock.toml``.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.errors import PromptError

EXAMPLES_ID = "teacher/ask_examples.v1"
EXAMPLES_SHOWN = 3
"""Examples in one prompt: more cost tokens in every call, and the sets would resemble each other."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExampleQuestion(_Frozen):
    """One question of a worked case."""

    attribute: str
    entity: str
    side: Literal["left", "right", "both"]
    question: str


class AskExample(_Frozen):
    """One worked case; ``id`` is for bookkeeping and is not shown."""

    id: str
    left: dict[str, str]
    right: dict[str, str]
    thinking: str
    questions: tuple[ExampleQuestion, ...]

    def shown(self) -> dict[str, object]:
        """The case as it stands in a prompt."""
        return self.model_dump(mode="json", exclude={"id"})


class _File(_Frozen):
    example: tuple[AskExample, ...]


@cache
def ask_examples() -> tuple[AskExample, ...]:
    """All worked cases, in the order of the file.

    Raises:
        PromptError: the file is wrong.
    """
    try:
        return _File.model_validate(tomllib.loads(_text())).example
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise PromptError(f"examples {EXAMPLES_ID!r} are wrong: {' '.join(str(error).split())}") from error


@cache
def examples_sha() -> str:
    """SHA-256 (hex) of the file with Unix line ends."""
    return hashlib.sha256(_text().encode()).hexdigest()


def example_sets(n_sets: int, *, seed: int) -> tuple[tuple[AskExample, ...], ...]:
    """That many sets: first none at all, which is the plain prompt, then different ones, dealt like cards from the shuffled cases.

    Sets share no case until the cases are used up. The same seed deals the same sets, and more sets begin with the fewer ones.
    """
    rng, deck, found = random.Random(f"{EXAMPLES_ID}:{seed}"), list[AskExample](), list[tuple[AskExample, ...]]([()])
    seen: set[frozenset[str]] = set()
    while len(found) < n_sets:
        if len(deck) < EXAMPLES_SHOWN:
            deck = rng.sample(ask_examples(), len(ask_examples()))
        dealt, deck = tuple(deck[:EXAMPLES_SHOWN]), deck[EXAMPLES_SHOWN:]
        if (ids := frozenset(one.id for one in dealt)) not in seen:
            seen.add(ids)
            found.append(dealt)
    return tuple(found[:n_sets])


def _text() -> str:
    return files("epm.prompts").joinpath(f"{EXAMPLES_ID}.toml").read_text(encoding="utf-8").replace("\r\n", "\n")
