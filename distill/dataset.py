"""Training views drawn from the rationales of a run: what to keep, in which modes and orders, and why rows were dropped.

``gold_label`` and ``teacher_label`` are never one column. A rationale whose axis is unscored is masked: it is left out
where a minimum score is asked for, and counted, but never treated as a score of 0.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from epm.decision import Decision
from epm.distill.examples import label_example, rationale_example
from epm.distill.train_splits import require_train_splits
from epm.errors import ConfigError
from epm.judgement import Judgement
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Label, Relation
from epm.student_prompt import Mode


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


class SftRow(BaseModel):
    """One row of an SFT file. ``completion`` ends without the end token, which the trainer adds.

    ``label_given_in_prompt``: the rationale's writer had been told the gold label; files of an epm before it are blind.
    ``split`` is the input's; ``None`` where it names none, and in files of an epm before it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair_id: str
    prompt: str
    completion: str
    mode: Mode
    gold_label: Label | None
    teacher_label: Label | None
    relation: Relation
    label_given_in_prompt: bool = False
    split: str | None = None


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """Which rationales become training rows.

    Args:
        min_scores: the lowest mean judge score of an axis that is kept, in [0, 1]; axes not named are not looked at.
        gold_agrees: drop rationales whose label contradicts the gold label; pairs without gold are kept.
        label_share: share of label-mode rows among all rows, in [0, 1).
        both_orders: write each rationale for both orders of its listings, else for the stored order only.
        seed: decides which rationales also get a label-mode row.
        splits: the splits to take; without any, every rationale is taken, and one of another split than train is refused.
    """

    min_scores: Mapping[Axis, float] = field(default_factory=lambda: MappingProxyType({}))
    gold_agrees: bool = False
    label_share: float = 0.3
    both_orders: bool = True
    seed: int = 0
    splits: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.label_share < 1:
            msg = f"label share {self.label_share!r} is outside [0, 1): give the share of label-mode rows, e.g. 0.3"
            raise ConfigError(msg)
        for axis, score in self.min_scores.items():
            if not 0 <= score <= 1:
                msg = f"minimum score {score!r} of axis {axis.value!r} is outside [0, 1]"
                raise ConfigError(msg)


Row = TypeVar("Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class DatasetView(Generic[Row]):
    """The rows, how many rationales stand behind them, and how many were dropped for which reason."""

    rows: tuple[Row, ...]
    n_items: int
    n_kept: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class KeptRationales:
    """The rationales that the options keep, of how many items, and how many were dropped for which reason."""

    sources: tuple[RationaleSource, ...]
    n_items: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RationaleSource:
    """One rationale to learn from, with its pair; ``is_label_given``: its writer had been told the label."""

    pair: Pair
    rationale: Rationale
    is_label_given: bool

    def orders(self, *, both: bool) -> list[tuple[Pair, Rationale]]:
        """The pair and its rationale as stored, and, for ``both``, with the sides swapped."""
        stored = (self.pair, self.rationale)
        return [stored, (self.pair.swapped(), self.rationale.swapped())] if both else [stored]


def sft_view(items: Iterable[StoredDecision], judgements: Iterable[Judgement], options: ViewOptions) -> DatasetView[SftRow]:
    """Prompts and completions of every rationale that the options keep.

    Raises:
        DataError: a rationale is of another split than train, and no split is named.
    """
    kept = kept_rationales(items, judgements, options)
    rng, rows = random.Random(options.seed), list[SftRow]()
    for source in kept.sources:
        for pair, rationale in source.orders(both=options.both_orders):
            rows.extend(_rows(pair, rationale, options, rng, is_label_given=source.is_label_given))
    return DatasetView(tuple(rows), kept.n_items, len(kept.sources), kept.dropped)


def kept_rationales(items: Iterable[StoredDecision], judgements: Iterable[Judgement], options: ViewOptions) -> KeptRationales:
    """The rationales that the options keep, in the order of the items.

    Raises:
        DataError: a rationale is of another split than train, and no split is named.
    """
    all_items = list(items)
    require_train_splits((item.pair.split for item in all_items if item.decision.rationale is not None), options.splits)
    scores, sources, dropped = axis_scores(judgements), list[RationaleSource](), Counter[str]()
    for item in all_items:
        reason = _reason_to_drop(item.pair, item.decision, scores, options)
        if reason is not None or item.decision.rationale is None:
            dropped[reason or "no rationale"] += 1
            continue
        sources.append(RationaleSource(item.pair, item.decision.rationale, item.decision.is_label_given))
    return KeptRationales(tuple(sources), len(all_items), dict(dropped))


def axis_scores(judgements: Iterable[Judgement]) -> dict[tuple[str, str], dict[Axis, float]]:
    """The mean score of each axis over the judges that scored it, by (pair id, rationale sha); unscored axes are absent."""
    found: dict[tuple[str, str], dict[Axis, list[float]]] = {}
    for judgement in judgements:
        axes = found.setdefault((judgement.pair_id, judgement.rationale_sha), {})
        for score in judgement.scores:
            if score.score is not None:
                axes.setdefault(score.axis, []).append(score.score)
    return {key: {axis: fmean(values) for axis, values in axes.items()} for key, axes in found.items()}


def _reason_to_drop(
    pair: Pair, decision: Decision, scores: Mapping[tuple[str, str], Mapping[Axis, float]], options: ViewOptions
) -> str | None:
    if decision.rationale is None:
        return f"no rationale ({decision.outcome.value})"
    if options.splits and pair.split not in options.splits:
        return f"split {pair.split!r}"
    if options.gold_agrees and pair.gold_label is not None and decision.rationale.label is not pair.gold_label:
        return "label contradicts gold"
    judged = scores.get((pair.id, decision.rationale.sha()), {})
    for axis, minimum in options.min_scores.items():
        score = judged.get(axis)
        if score is None:
            return f"unscored on {axis.value}"
        if score < minimum:
            return f"{axis.value} score below {minimum:g}"
    return None


def _rows(pair: Pair, rationale: Rationale, options: ViewOptions, rng: random.Random, *, is_label_given: bool) -> list[SftRow]:
    label_chance = options.label_share / (1 - options.label_share)
    n_label = int(label_chance) + (rng.random() < label_chance % 1)
    label = label_example(pair, rationale)
    examples = [rationale_example(pair, rationale), *([label] * n_label if label is not None else [])]
    return [
        SftRow(
            pair_id=pair.id, prompt=example.prompt, completion=example.completion, mode=example.mode,
            gold_label=pair.gold_label, teacher_label=rationale.label, relation=rationale.relation, label_given_in_prompt=is_label_given,
            split=pair.split,
        )
        for example in examples
    ]  # fmt: skip
