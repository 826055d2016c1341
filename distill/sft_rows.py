"""What is done to SFT rows before training: fitting them to the context, and the shuffled-label control."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from epm.distill.dataset import SftRow
from epm.distill.fitting import CountTokens, fit_prompt
from epm.errors import TrainError
from epm.relation import Label, Relation
from epm.student_prompt import Mode
from epm.student_text import parse, render, render_label


@dataclass(frozen=True, slots=True)
class FittedRows:
    """Rows that fit, how many listings had to be cut, and how many rows were left out because the answer alone is too long."""

    rows: tuple[SftRow, ...]
    n_cut: int
    n_too_long: int


def fitted_rows(rows: Sequence[SftRow], max_tokens: int, count_tokens: CountTokens) -> FittedRows:
    """The rows whose prompt and completion have at most ``max_tokens`` tokens; listings are cut, never the answer.

    Raises:
        TrainError: no row fits.
    """
    kept, n_cut = [], 0
    for row in rows:
        room = max_tokens - count_tokens(row.completion) - 1
        prompt = fit_prompt(row.prompt, room, count_tokens) if room > 0 else row.prompt
        if room <= 0 or count_tokens(prompt) > room:
            continue
        n_cut += prompt != row.prompt
        kept.append(row if prompt == row.prompt else row.model_copy(update={"prompt": prompt}))
    if not kept:
        msg = f"none of {len(rows)} SFT rows fits into {max_tokens} tokens: raise the context, or export shorter rationales"
        raise TrainError(msg)
    return FittedRows(tuple(kept), n_cut, len(rows) - len(kept))


def with_shuffled_labels(rows: Sequence[SftRow], *, seed: int) -> list[SftRow]:
    """The rows with relation and label handed to other pairs at random: a control that must not learn to decide.

    All rows of a pair get the same wrong pair's answer, comparisons and counts of each label stay as they are.
    """
    answers = {row.pair_id: _answer(row) for row in sorted(rows, key=lambda row: row.mode is Mode.RATIONALE)}
    donors = list(answers)
    random.Random(seed).shuffle(donors)
    donor_of = dict(zip(answers, donors, strict=True))
    changed = [_with_answer(row, answers[donor_of[row.pair_id]]) for row in rows]
    return [row for row in changed if row is not None]


def check_labels_survive(texts: Sequence[str]) -> None:
    """Nothing, when every text, cut as the trainer cuts it, still ends in a whole label segment.

    Raises:
        TrainError: an answer lost its label.
    """
    for text in texts:
        if not text.endswith("</label>"):
            msg = f"a training text lost its label, it ends in {text[-40:]!r}: raise max_tokens"
            raise TrainError(msg)


def positive_share(rows: Sequence[SftRow]) -> float:
    """The share of rows whose teacher label is match, in [0, 1]."""
    return sum(row.teacher_label is Label.MATCH for row in rows) / max(len(rows), 1)


@dataclass(frozen=True, slots=True)
class _Answer:
    relation: Relation
    factor: int | None
    label: Label | None


def _answer(row: SftRow) -> _Answer:
    factor = parse(row.completion).factor if row.mode is Mode.RATIONALE else None
    return _Answer(row.relation, factor, row.teacher_label)


def _with_answer(row: SftRow, answer: _Answer) -> SftRow | None:
    """The row with another answer; ``None`` for a label-mode row that would have no label."""
    if row.mode is Mode.LABEL:
        if answer.label is None:
            return None
        completion = render_label(answer.label)
    else:
        update = {"relation": answer.relation, "factor": answer.factor, "label": answer.label}
        completion = render(parse(row.completion).model_copy(update=update))
    return row.model_copy(update={"completion": completion, "teacher_label": answer.label, "relation": answer.relation})
