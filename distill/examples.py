"""Training examples of a student: a prompt and the completion to learn, in one of the two modes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from epm.pair import Pair
from epm.rationale import Rationale
from epm.student_prompt import Mode, render_prompt
from epm.student_text import render, render_label


@dataclass(frozen=True, slots=True)
class Example:
    """One text to learn; the end-of-text token follows the completion and is added when it is tokenised."""

    prompt: str
    completion: str
    mode: Mode


def rationale_example(pair: Pair, rationale: Rationale) -> Example:
    """The pair with its whole rationale."""
    return Example(render_prompt(pair, Mode.RATIONALE), render(rationale), Mode.RATIONALE)


def label_example(pair: Pair, rationale: Rationale) -> Example | None:
    """The pair with its label alone; ``None`` for an undecidable pair, which has no label to learn."""
    if rationale.label is None:
        return None
    return Example(render_prompt(pair, Mode.LABEL), render_label(rationale.label), Mode.LABEL)


def drawn_example(pair: Pair, rationale: Rationale, rng: random.Random, *, label_share: float) -> Example:
    """The pair in a random order and mode; ``label_share`` in [0, 1] is the probability of label mode."""
    if rng.random() < 1 / 2:
        pair, rationale = pair.swapped(), rationale.swapped()
    label = label_example(pair, rationale) if rng.random() < label_share else None
    return label if label is not None else rationale_example(pair, rationale)
