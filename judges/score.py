"""Scoring the rationales of a stored run; resumable by repeating the command.

A judgement is kept by pair, rationale and judge, with the model that was asked and its effort. What is scored is not scored again by
the same; what was left unscored (a failed
call, no model) is tried again, and the newest judgement counts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from epm.errors import BudgetError, ErrorClass
from epm.gateway.request import ModelSettings
from epm.gateway.watching import with_traffic
from epm.judge import AsksModel, Judge, JudgeContext
from epm.judgement import Judgement
from epm.judges.run_identity import identity_of
from epm.pair import Pair
from epm.progress import ProgressEvent, ProgressSink, silent
from epm.rationale import Axis, Rationale
from epm.store.call_figures import call_figures
from epm.store.holding import holding
from epm.store.store import RunStore

COMMAND = "judge score"
_BATCH = 64
_REASON_CHARS = 240
"""A failed call names class, model, address and library before the server's own words, which begin after some 130 characters."""

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """One judge on one axis: the mean is over scored rationales, in [0, 1]; unscored ones are masked."""

    n_scored: int
    n_unscored: int
    mean: float | None
    levels: Mapping[str, int]
    unscored_reasons: Mapping[str, int]

    @property
    def unscored_rate(self) -> float:
        """Share of rationales without a score, in [0, 1]."""
        total = self.n_scored + self.n_unscored
        return self.n_unscored / total if total else 0.0


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What batches came to: calls, those without a usable reply, and USD. ``is_price_assumed``: half of the ordinary price, for none is listed."""

    n_calls: int = 0
    n_failed: int = 0
    cost_usd: float = 0.0
    is_price_assumed: bool = False


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What a scoring came to, by judge and axis. ``n_new`` judgements were made by this call for ``cost_usd``, which is the ledger's and holds that of ``batch``."""

    run_id: str
    n_rationales: int
    n_new: int
    cost_usd: float
    elapsed_s: float
    judges: Mapping[str, Mapping[str, AxisFigures]]
    batch: BatchFigures | None = None

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        judges = {
            judge: {axis: {**asdict(figures), "unscored_rate": figures.unscored_rate} for axis, figures in axes.items()}
            for judge, axes in self.judges.items()
        }
        return {**asdict(self), "judges": judges}


async def score_run(
    run_id: str,
    judges: Sequence[Judge],
    ctx: JudgeContext,
    *,
    store: RunStore,
    limit: int | None = None,
    pair_ids: frozenset[str] | None = None,
    on_progress: ProgressSink = silent,
) -> ScoreReport:
    """The report of a run whose rationales all judges have seen, under the identity rule that the run was decided by.

    ``limit`` takes the first rationales, ``pair_ids`` those of the pairs named.

    Raises:
        StoreError: no such run, or the store cannot be written.
        RunHeldError: another process judges the run; nothing was sent.
        BudgetError: a cap was reached; repeat the command to go on.
    """
    run, start = store.run(run_id), time.perf_counter()
    full_id = run.run_id
    ctx = replace(ctx, run_id=full_id, identity=identity_of(run.spec.settings))
    items = [(pair, rationale) for pair, rationale in rationales(store, full_id)[:limit] if pair_ids is None or pair.id in pair_ids]
    with holding(store, full_id, COMMAND) as held:
        known = latest_judgements(store.judgements(full_id))
        n_new, show, before_usd = 0, with_traffic(on_progress, ctx.gateway), _judged_usd(store, full_id)
        try:
            for judge in judges:
                async for made in _new_judgements(judge, items, known, ctx, show):
                    changed = [judgement for judgement in made if known.get(_key(judgement)) != judgement]
                    await store.add_judgements(full_id, changed)
                    known.update({_key(judgement): judgement for judgement in made})
                    n_new += len(changed)
                    held.check()
        except BudgetError as error:
            n_scored = sum(all(_is_scored(known, judge, *item, ctx.model) for judge in judges) for item in items)
            raise BudgetError(f"'epm judge score {full_id}': {n_scored:,} of {len(items):,} rationales scored; {error}") from error
    wanted = {(pair.id, rationale.sha()) for pair, rationale in items}
    counted = [judgement for judgement in known.values() if (judgement.pair_id, judgement.rationale_sha) in wanted]
    figures = {judge.name: _figures([j for j in counted if j.judge == judge.name]) for judge in judges}
    cost_usd = _judged_usd(store, full_id) - before_usd
    return ScoreReport(full_id, len(items), n_new, cost_usd, time.perf_counter() - start, figures)


def _judged_usd(store: RunStore, run_id: str) -> float:
    """What the calls of the run's judges took so far, failed and lost ones included."""
    return store.read(lambda connection: call_figures(connection, run_id, judging=True)).cost_usd


async def _new_judgements(
    judge: Judge, items: Sequence[tuple[Pair, Rationale]], known: Mapping[_Key, Judgement], ctx: JudgeContext, on_progress: ProgressSink
) -> AsyncIterator[Sequence[Judgement]]:
    """What a judge says of the items that it has not scored yet, batch by batch; each is counted as done when the next is asked for."""
    pending = [item for item in items if not _is_scored(known, judge, *item, ctx.model)]
    n_batch = max(_BATCH, ctx.concurrency)
    event = ProgressEvent(f"judge {judge.name}", len(items), len(items) - len(pending), n_before=len(items) - len(pending))
    on_progress(event)
    for begin in range(0, len(pending), n_batch):
        try:
            made = await judge.score(pending[begin : begin + n_batch], ctx)
        except BudgetError:
            on_progress(event)  # with what was spent since
            raise
        yield made
        event = replace(
            event, n_done=event.n_done + len(made), n_unscored=event.n_unscored + sum(not judgement.is_complete() for judgement in made),
            n_cached=event.n_cached + sum(judgement.is_cached for judgement in made),
            cost_usd=event.cost_usd + sum(judgement.cost_usd for judgement in made),
        )  # fmt: skip
        on_progress(event)


def rationales(store: RunStore, run_id: str) -> list[tuple[Pair, Rationale]]:
    """What there is to grade in a run, by item id."""
    return [(item.pair, item.decision.rationale) for item in store.items(run_id) if item.decision.rationale is not None]


def unscored(
    items: Sequence[tuple[Pair, Rationale]], judges: Sequence[Judge], model: ModelSettings | None, store: RunStore, run_id: str
) -> list[tuple[Pair, Rationale]]:
    """The items that at least one of the judges has not scored yet with this model."""
    known = latest_judgements(store.judgements(run_id))
    return [item for item in items if not all(_is_scored(known, judge, *item, model) for judge in judges)]


def latest_judgements(judgements: Iterable[Judgement]) -> dict[_Key, Judgement]:
    """The newest judgement of each pair, rationale and judge."""
    return {_key(judgement): judgement for judgement in judgements}


def failures_of(judgement: Judgement) -> dict[Axis, ErrorClass]:
    """The axes that have no score because a call failed, and how."""
    return {score.axis: score.error_class for score in judgement.scores if score.error_class is not None}


def _key(judgement: Judgement) -> _Key:
    return judgement.pair_id, judgement.rationale_sha, judgement.judge


def _is_scored(known: Mapping[_Key, Judgement], judge: Judge, pair: Pair, rationale: Rationale, model: ModelSettings | None) -> bool:
    """Whether the judge's word stands: one that another model gave, or another effort, does not. An older epm kept neither."""
    judgement = known.get((pair.id, rationale.sha(), judge.name))
    if judgement is None or not judgement.is_complete():
        return False
    asks = judge.asks(model) if isinstance(judge, AsksModel) else None
    return asks is None or judgement.asked in {None, asks}


def _figures(judgements: Sequence[Judgement]) -> dict[str, AxisFigures]:
    found: dict[str, AxisFigures] = {}
    for axis in Axis:
        scores = [score for judgement in judgements for score in judgement.scores if score.axis is axis]
        values = [score.score for score in scores if score.score is not None]
        if scores:
            found[axis.value] = AxisFigures(
                n_scored=len(values), n_unscored=len(scores) - len(values), mean=sum(values) / len(values) if values else None,
                levels=dict(Counter(score.level or "" for score in scores if score.score is not None)),
                unscored_reasons=dict(Counter(score.unscored_reason[:_REASON_CHARS] for score in scores if score.unscored_reason)),
            )  # fmt: skip
    return found
