"""The reward of a written rationale, after EPM-RL (arXiv 2604.23993): R = (s_f + 2 s_y + (s_core + s_id + s_var) / 3) / 4.

``s_f`` is 1 for a text that parses, ``s_y`` is 1 for the gold label, the other three are the panel's scores of the axes;
all lie in [0, 1], and so does R. A text that does not parse has s_f = 0 and s_y = 0, and its axes are 0 as well, because
there is no rationale that a judge could have scored.

Invariant: an axis that a judge could not score is masked, never 0. Within a group (the rollouts of one prompt) it gets
the mean of the scored rollouts; when none is scored, the component is dropped for the whole group.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from epm.errors import FormatError, ModelError
from epm.judge import Judge, JudgeContext
from epm.judgement import Judgement
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Label
from epm.student_text import parse

COMPONENTS = ("format", "label", *(axis.value for axis in Axis))
REWARD_WEIGHTS = (1 / 4, 1 / 2, 1 / 12, 1 / 12, 1 / 12)
"""The weights with which the five components sum to R."""

RewardFunction = Callable[..., list[float | None]]


@dataclass(frozen=True, slots=True)
class RewardParts:
    """The five components of one rollout, each in [0, 1]; ``None`` is an axis without a score."""

    format: float
    label: float
    core: float | None
    identifier: float | None
    variant: float | None

    def values(self) -> tuple[float | None, ...]:
        """The components in the order of ``COMPONENTS``."""
        return (self.format, self.label, self.core, self.identifier, self.variant)

    def reward(self) -> float | None:
        """R in [0, 1]; ``None`` while an axis has no score."""
        if self.core is None or self.identifier is None or self.variant is None:
            return None
        return (self.format + 2 * self.label + (self.core + self.identifier + self.variant) / 3) / 4


MALFORMED = RewardParts(0.0, 0.0, 0.0, 0.0, 0.0)


def parts_of(rationale: Rationale | None, gold_label: Label, scores: Mapping[Axis, float | None]) -> RewardParts:
    """The components of a parsed rationale (``None``: the text did not parse) with its axis scores."""
    if rationale is None:
        return MALFORMED
    return RewardParts(
        1.0, float(rationale.label is gold_label), scores.get(Axis.CORE), scores.get(Axis.IDENTIFIER), scores.get(Axis.VARIANT)
    )


def masked(group: Sequence[RewardParts]) -> list[RewardParts]:
    """The group with each missing axis score replaced by the mean of the rollouts that a judge did score.

    An axis that no rollout of the group has a score for is dropped for all of them (``None``), malformed ones included:
    it must not tell rollouts apart.
    """
    means: dict[str, float | None] = {}
    for axis in Axis:
        scored = [value for parts in group if parts.format and (value := getattr(parts, axis.value)) is not None]
        is_missing = any(parts.format and getattr(parts, axis.value) is None for parts in group)
        means[axis.value] = fmean(scored) if scored else None
        if not is_missing and not scored:
            means[axis.value] = 0.0  # every rollout is malformed
    return [_filled(parts, means) for parts in group]


def _filled(parts: RewardParts, means: Mapping[str, float | None]) -> RewardParts:
    axes: dict[str, float | None] = {}
    for axis in Axis:
        own, mean = getattr(parts, axis.value), means[axis.value]
        axes[axis.value] = None if mean is None else mean if own is None else own
    return RewardParts(parts.format, parts.label, axes["core"], axes["identifier"], axes["variant"])


class RewardModel:
    """Scores completions; the panel is asked once for each (prompt, completion), whatever the number of components.

    Args:
        judges: the panel; an axis scored by several judges gets their mean.
        pairs: the pair behind each prompt, with its gold label.
        context: handed to the judges; it holds no gold label.
        timeout_s: a panel call that takes longer leaves its axes unscored.
        memo_size: how many judged completions are remembered.
    """

    def __init__(
        self, judges: Sequence[Judge], pairs: Mapping[str, Pair], *, context: JudgeContext | None = None, timeout_s: float = 120.0,
        memo_size: int = 50_000,
    ) -> None:  # fmt: skip
        self._judges = tuple(judges)
        self._pairs = pairs
        self._context = context or JudgeContext()
        self._timeout_s = timeout_s
        self._memo_size = memo_size
        self._memo: OrderedDict[str, RewardParts] = OrderedDict()
        self.n_unscored = 0
        self.n_judged = 0

    def parts(self, prompts: Sequence[str], completions: Sequence[str]) -> list[RewardParts]:
        """The components of each completion as they are, unscored axes included."""
        keys = [_key(prompt, completion) for prompt, completion in zip(prompts, completions, strict=True)]
        found = {key: self._memo[key] for key in keys if key in self._memo}
        new = {key: row for row, key in enumerate(keys) if key not in found}
        if new:
            judged = self._judge([(self._pairs[prompts[row]], completions[row]) for row in new.values()])
            found.update(zip(new, judged, strict=True))
        for key in keys:
            self._memo[key] = found[key]
            self._memo.move_to_end(key)
        while len(self._memo) > self._memo_size:
            self._memo.popitem(last=False)
        return [found[key] for key in keys]

    def masked_parts(self, prompts: Sequence[str], completions: Sequence[str]) -> list[RewardParts]:
        """The components of each completion with unscored axes masked within its group (the rows of the same prompt)."""
        raw = self.parts(prompts, completions)
        groups: dict[str, list[int]] = {}
        for row, prompt in enumerate(prompts):
            groups.setdefault(prompt, []).append(row)
        filled = list(raw)
        for rows in groups.values():
            for row, parts in zip(rows, masked([raw[row] for row in rows]), strict=True):
                filled[row] = parts
        return filled

    def functions(self) -> list[RewardFunction]:
        """Five reward functions for ``trl``, to be weighted with ``REWARD_WEIGHTS``; their names are ``COMPONENTS``."""
        return [self._function(at, name) for at, name in enumerate(COMPONENTS)]

    def _function(self, at: int, name: str) -> RewardFunction:
        def score(prompts: Sequence[str], completions: Sequence[str], **columns: object) -> list[float | None]:
            log_metric = columns.get("log_metric")
            if name == "label" and callable(log_metric):
                log_metric("positive_rate", fmean(_label(text) is Label.MATCH for text in completions))
            return [parts.values()[at] for parts in self.masked_parts(prompts, completions)]

        score.__name__ = name
        return score

    def _judge(self, batch: Sequence[tuple[Pair, str]]) -> list[RewardParts]:
        rationales = [_parsed(completion) for _, completion in batch]
        asked = [(_without_gold(pair), rationale) for (pair, _), rationale in zip(batch, rationales, strict=True) if rationale is not None]
        scores = iter(asyncio.run(self._panel_scores(asked)) if asked else [])
        parts = [
            parts_of(rationale, _gold(pair), {} if rationale is None else next(scores))
            for (pair, _), rationale in zip(batch, rationales, strict=True)
        ]
        self.n_judged += len(asked)
        self.n_unscored += sum(None in one.values() for one in parts)
        return parts

    async def _panel_scores(self, asked: Sequence[tuple[Pair, Rationale]]) -> list[dict[Axis, float | None]]:
        answers = await asyncio.gather(*(self._ask(judge, asked) for judge in self._judges))
        return [{axis: _mean([a[row].score(axis) for a in answers if a is not None]) for axis in Axis} for row in range(len(asked))]

    async def _ask(self, judge: Judge, asked: Sequence[tuple[Pair, Rationale]]) -> list[Judgement] | None:
        try:
            return await asyncio.wait_for(judge.score(asked, self._context), self._timeout_s)
        except (TimeoutError, ModelError):
            return None  # unscored, and masked with the group


def _key(prompt: str, completion: str) -> str:
    return hashlib.sha256(f"{prompt}\0{completion}".encode("utf-8", "surrogatepass")).hexdigest()


def _parsed(completion: str) -> Rationale | None:
    try:
        return parse(completion)
    except FormatError:
        return None


def _label(completion: str) -> Label | None:
    rationale = _parsed(completion)
    return None if rationale is None else rationale.label


def _gold(pair: Pair) -> Label:
    if pair.gold_label is None:
        msg = f"pair {pair.id!r} has no gold label"
        raise ValueError(msg)
    return pair.gold_label


def _without_gold(pair: Pair) -> Pair:
    return replace(pair, gold_label=None, relation=None, factor=None)


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None
