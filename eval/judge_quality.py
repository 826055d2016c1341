"""How well a judge tells sound rationales from corrupted ones: AUROC, with what it left unscored counted apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from epm.eval.corrupt import Corrupted, Corruption, corrupt
from epm.eval.intervals import Interval, TwoWay, auroc_interval, weighted_auroc
from epm.judge import Judge, JudgeContext
from epm.judgement import Judgement
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.sync import run_sync

OVERALL = "overall"
_N_OTHERS = 5  # rationales offered as foreign cells: enough for one with cells on each axis


@dataclass(frozen=True, slots=True)
class Discrimination:
    """AUROC of sound against corrupted rationales; 0.5 is chance. ``None`` where one class is empty."""

    auroc: float | None
    ci95: Interval | None
    n_sound: int
    n_corrupted: int
    n_unscored: int


@dataclass(frozen=True, slots=True)
class CorruptionEffect:
    """What one corruption did to the axis that must fall (or, if harmless, to any axis).

    ``mean_drop`` is sound minus corrupted score; ``fallen_share`` is the share of cases whose score fell.
    """

    corruption: str
    is_harmless: bool
    n: int
    mean_drop: float | None
    fallen_share: float | None


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """One judge on sound and corrupted rationales. ``by_axis`` holds the axes it judges and ``overall``.

    On an axis, sound rationales and harmless changes stand against the corruptions that must lower this axis; overall
    is the mean of the judge's scored axes, against the corruptions of any axis it judges.
    """

    judge: str
    n_items: int
    by_axis: Mapping[str, Discrimination]
    effects: tuple[CorruptionEffect, ...]

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Case:
    item: int
    pair: Pair
    rationale: Rationale
    corrupted: Corrupted | None

    @property
    def is_sound(self) -> bool:
        return self.corrupted is None or self.corrupted.corruption.is_harmless

    @property
    def axis(self) -> Axis | None:
        return None if self.corrupted is None else self.corrupted.axis


def judge_quality(judge: Judge, items: Sequence[tuple[Pair, Rationale]], *, seed: int, ctx: JudgeContext) -> JudgeQuality:
    """The judge's discrimination on the items, taken as sound, and on corruptions of them made with the seed."""
    cases = list(_cases(items, seed))
    judged = run_sync(judge.score([(case.pair, case.rationale) for case in cases], ctx))
    if len(judged) != len(cases):
        raise ValueError(f"judge {judge.name!r} returned {len(judged)} judgements for {len(cases)} rationales")
    scored = list(zip(cases, judged, strict=True))
    axes = [axis for axis in Axis if any(score.axis is axis for judgement in judged for score in judgement.scores)]
    by_axis = {axis.value: _discriminate([(c, j.score(axis)) for c, j in scored if c.is_sound or c.axis is axis]) for axis in axes}
    by_axis[OVERALL] = _discriminate([(c, _mean_score(j)) for c, j in scored if c.is_sound or c.axis in axes])
    return JudgeQuality(judge.name, len(items), by_axis, tuple(_effects(scored)))


def _cases(items: Sequence[tuple[Pair, Rationale]], seed: int) -> Iterable[_Case]:
    for i, (pair, rationale) in enumerate(items):
        yield _Case(i, pair, rationale, None)
        others = [items[(i + step) % len(items)][1] for step in range(1, min(_N_OTHERS, len(items) - 1) + 1)]
        for corrupted in corrupt(pair, rationale, seed=seed, others=others):
            yield _Case(i, pair, corrupted.rationale, corrupted)


def _mean_score(judgement: Judgement) -> float | None:
    scores = [score.score for score in judgement.scores if score.score is not None]
    return sum(scores) / len(scores) if scores else None


def _discriminate(cases: Sequence[tuple[_Case, float | None]]) -> Discrimination:
    scored = [(case, score) for case, score in cases if score is not None]
    is_sound = np.array([case.is_sound for case, _ in scored], dtype=np.bool_)
    scores = np.array([score for _, score in scored], dtype=np.float64)
    n_sound = int(is_sound.sum())
    unscored = len(cases) - len(scored)
    if n_sound in {0, len(scored)}:
        return Discrimination(None, None, n_sound, len(scored) - n_sound, unscored)
    plan = TwoWay([c.pair.left.product_id() for c, _ in scored], [c.pair.right.product_id() for c, _ in scored])
    value = float(weighted_auroc(is_sound, scores, np.ones((1, len(scored))))[0])
    return Discrimination(value, auroc_interval(is_sound, scores, plan), n_sound, len(scored) - n_sound, unscored)


def _effects(scored: Sequence[tuple[_Case, Judgement]]) -> Iterable[CorruptionEffect]:
    sound = {case.item: judgement for case, judgement in scored if case.corrupted is None}
    drops: dict[Corruption, list[float]] = defaultdict(list)
    for case, judgement in scored:
        if case.corrupted is None:
            continue
        axes = tuple(Axis) if case.axis is None else (case.axis,)
        drops[case.corrupted.corruption].extend(_drops(sound[case.item], judgement, axes))
    for kind in Corruption:
        found = drops.get(kind, [])
        mean = sum(found) / len(found) if found else None
        fallen = sum(drop > 0 for drop in found) / len(found) if found else None
        yield CorruptionEffect(kind.value, kind.is_harmless, len(found), mean, fallen)


def _drops(before: Judgement, after: Judgement, axes: Sequence[Axis]) -> Iterable[float]:
    for axis in axes:
        was, now = before.score(axis), after.score(axis)
        if was is not None and now is not None:
            yield was - now
