"""Which question sets of a pair led to its gold label, as preferences between the best and the worst: training data for asking.

After LeReT (arXiv 2410.23214): the prompt of a row is the plain one, without worked cases, and is what the student will see; chosen and
rejected are question sets as the model wrote them, whatever was shown to it. A set scores 1 if the decision that its evidence led
to is the gold label, 0 if it stayed open, -1 if it is the other label. Among equal scores fewer searches are better. The gold
label scores and does nothing else: it stands in a column of its own, in no message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.decision import Decision
from epm.errors import ErrorClass
from epm.pair import Pair
from epm.relation import Label

PLAIN = "plain"
"""The name of the variant that was shown no worked case."""


class StoredDecision(Protocol):
    """What a store hands back for one finished item."""

    @property
    def pair(self) -> Pair:
        """The pair."""
        ...

    @property
    def decision(self) -> Decision:
        """What the matcher said about it."""
        ...


class Message(BaseModel):
    """One message of a conversation, as TRL reads it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class QuestionPreference(BaseModel):
    """One row in TRL's conversational preference format, with what it rests on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    pair_id: str
    score_chosen: float
    score_rejected: float
    variant_chosen: str
    variant_rejected: str
    label_chosen: Label | None
    label_rejected: Label | None
    n_searches_chosen: int
    n_searches_rejected: int
    gold_label: Label
    n_variants: int
    run_id: str
    model: str
    prompt_id: str
    prompt_sha: str
    examples_sha: str


@dataclass(frozen=True, slots=True)
class PreferenceView:
    """The rows, how many items stand behind the view, why the others gave none, and by variant how often each score came."""

    rows: tuple[QuestionPreference, ...]
    n_items: int
    dropped: Mapping[str, int]
    scores: Mapping[str, Mapping[str, int]]


class _Variant(BaseModel):
    """A variant as ``epm.agents.question_variants`` stored it; other columns are of the report."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    examples: tuple[str, ...]
    reply: str | None
    label: Label | None
    error_class: ErrorClass | None
    n_searches: int

    @property
    def name(self) -> str:
        """What was shown to it."""
        return "+".join(self.examples) or PLAIN


class _Prompt(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    sha256: str
    system: str
    user: str


class _Explored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str
    ask_prompt: _Prompt
    examples_sha: str
    variants: tuple[_Variant, ...]


def settling_score(label: Label | None, gold: Label) -> float:
    """1 for the gold label, 0 for none, -1 for the other one."""
    return 0.0 if label is None else 1.0 if label is gold else -1.0


def question_preferences(items: Iterable[StoredDecision], run_id: str) -> PreferenceView:
    """The preferences of explored items, at most one for each; the same whatever the order of the variants' runs."""
    rows, dropped, scores, n_items = list[QuestionPreference](), Counter[str](), dict[str, Counter[str]](), 0
    for item in items:
        n_items += 1
        found = _explored(item.decision)
        if found is None:
            dropped["no variants of questions"] += 1
            continue
        gold = item.pair.gold_label
        if gold is None:
            dropped["no gold label"] += 1
            continue
        for one in found.variants:
            scores.setdefault(one.name, Counter())[_score_name(one, gold)] += 1
        row = _row(item.pair.id, gold, found, run_id)
        if row is None:
            dropped["all variants score alike"] += 1
        else:
            rows.append(row)
    return PreferenceView(tuple(rows), n_items, dict(dropped), {name: dict(counts) for name, counts in scores.items()})


def _explored(decision: Decision) -> _Explored | None:
    try:
        return _Explored.model_validate(dict(decision.provenance))
    except ValidationError:
        return None  # of another matcher, failed, or purged


def _score_name(variant: _Variant, gold: Label) -> str:
    if variant.error_class is not None:
        return "failed"
    return {1.0: "right", 0.0: "open", -1.0: "wrong"}[settling_score(variant.label, gold)]


def _row(pair_id: str, gold: Label, found: _Explored, run_id: str) -> QuestionPreference | None:
    scored = [(settling_score(one.label, gold), one) for one in found.variants if one.error_class is None and one.reply is not None]
    if len({score for score, _ in scored}) < 2:  # noqa: PLR2004  # a preference is between two
        return None
    best_score, best = min(scored, key=lambda one: (-one[0], one[1].n_searches))
    worst_score, worst = min(scored, key=lambda one: (one[0], -one[1].n_searches))
    if best.reply == worst.reply:
        return None
    return QuestionPreference(
        prompt=[Message(role="system", content=found.ask_prompt.system), Message(role="user", content=found.ask_prompt.user)],
        chosen=_said(best), rejected=_said(worst), pair_id=pair_id, score_chosen=best_score, score_rejected=worst_score,
        variant_chosen=best.name, variant_rejected=worst.name, label_chosen=best.label, label_rejected=worst.label,
        n_searches_chosen=best.n_searches, n_searches_rejected=worst.n_searches, gold_label=gold, n_variants=len(found.variants),
        run_id=run_id, model=found.model, prompt_id=found.ask_prompt.id, prompt_sha=found.ask_prompt.sha256, examples_sha=found.examples_sha,
    )  # fmt: skip


def _said(variant: _Variant) -> list[Message]:
    return [Message(role="assistant", content=variant.reply or "")]
