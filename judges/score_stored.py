"""Scoring a run of a store file: everything that ``epm judge score`` does, as one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from epm.config import DEFAULT_CONCURRENCY, DEFAULT_STORE
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.gateway.metered import MeteredGateway
from epm.gateway.recorder import Recorder
from epm.gateway.request import ModelSettings
from epm.judge import Judge, JudgeContext
from epm.judges.score import COMMAND, BatchFigures, ScoreReport, score_run
from epm.progress import NoticeSink, ProgressSink, silent, unheard
from epm.registry import make_judge
from epm.session import egress_in_force
from epm.store.batches import n_waiting
from epm.store.holding import holding
from epm.store.kept_replies import past_calls
from epm.store.launch import Launch, add_launch
from epm.store.place import AnyPlace
from epm.store.store import RunStore
from epm.sync import run_sync

DEFAULT_JUDGES = ("checks", "core", "identifier", "variant")


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What ``epm judge score`` was asked for; without a model, model judges stay unscored. ``record`` names a cassette.

    ``is_batch``: their first questions go out as a batch, at half the price.
    """

    judges: Sequence[str] = DEFAULT_JUDGES
    model: ModelSettings | None = None
    store: AnyPlace = DEFAULT_STORE
    limit: int | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    seed: int = 0
    bounds: Bounds = NO_BOUNDS
    record: Path | None = None
    is_batch: bool = False


def score_stored(
    run_id: str, options: ScoreOptions, *, pair_ids: frozenset[str] | None = None, on_progress: ProgressSink = silent,
    on_notice: NoticeSink = unheard,
) -> ScoreReport:  # fmt: skip
    """The report of scoring the run of that id or id prefix; with ``pair_ids`` only those pairs of it.

    Raises:
        StoreError: no such store or run.
        ConfigError: a judge is unknown, the egress policy forbids the model's host, or money is bounded and its price unknown.
        BudgetError: a cap was reached; repeat the command to go on.
        RunStoppedError: a batch did not go through; says what to do.
    """
    judges = [make_judge(spec) for spec in dict.fromkeys(options.judges)]
    with egress_in_force(options.model) as egress, RunStore.open(options.store, must_exist=True) as store:
        run_id = store.run(run_id).run_id
        ctx = JudgeContext(
            gateway=score_gateway(options, store, run_id),
            model=options.model,
            seed=options.seed,
            egress=egress,
            concurrency=options.concurrency,
        )
        with holding(store, run_id, COMMAND):
            if pair_ids is None:  # a part of a scoring is not what a later retry starts from
                _keep_launch(store, run_id, options)
            batch = None
            if options.is_batch:
                batch = _answer_in_batches(run_id, judges, ctx, options, store, on_progress)
            elif waiting := store.read(lambda connection: n_waiting(connection, run_id)):
                on_notice(f"{waiting:,} calls of this run wait in batches and may be asked and paid twice; --batch waits for them instead")
            report = run_sync(score_run(run_id, judges, ctx, store=store, limit=options.limit, pair_ids=pair_ids, on_progress=on_progress))
    return report if batch is None else replace(report, cost_usd=report.cost_usd + batch.cost_usd, batch=batch)


def _answer_in_batches(
    run_id: str, judges: Sequence[Judge], ctx: JudgeContext, options: ScoreOptions, store: RunStore, on_progress: ProgressSink
) -> BatchFigures:
    from epm.judges.score_batch import answer_in_batches

    return run_sync(
        answer_in_batches(run_id, judges, ctx, store=store, limit=options.limit, bounds=options.bounds, on_progress=on_progress)
    )


def _keep_launch(store: RunStore, run_id: str, options: ScoreOptions) -> None:
    settings = {"judges": list(options.judges), "concurrency": options.concurrency, "seed": options.seed}
    add_launch(store, Launch(run_id, COMMAND, options.model, settings))


def score_gateway(options: ScoreOptions, store: RunStore, run_id: str) -> MeteredGateway | None:
    """The way to the judges' model, within the bounds; ``None`` without a model. A recording begins with what they said so far.

    Raises:
        ConfigError: money is bounded and the price unknown, the key variable is not set, the shared budget is unknown, or a
            cassette cannot be used.
    """
    if options.model is None:
        return None
    from epm.session import make_gateway, open_transport, require_price

    require_price(options.model, options.bounds)
    gateway = make_gateway(
        open_transport(options.model), store, options.model, concurrency=options.concurrency, seed=options.seed, bounds=options.bounds,
        record=options.record,
    )  # fmt: skip
    if isinstance(gateway.log, Recorder):
        gateway.log.keep(past_calls(store, store.run(run_id).run_id, judging=True))
    return gateway
