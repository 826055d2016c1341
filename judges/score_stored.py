"""Scoring a run of a store file: everything that ``epm judge score`` does, as one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from epm.config import DEFAULT_STORE
from epm.egress import OPEN
from epm.gateway.destination import egress_for
from epm.gateway.gateway import Gateway
from epm.gateway.request import ModelSettings
from epm.judge import JudgeContext
from epm.judges.score import ScoreReport, score_run
from epm.progress import ProgressSink, silent
from epm.registry import make_judge
from epm.session import standing_policy
from epm.socket_guard import guard_sockets
from epm.store.store import RunStore
from epm.sync import run_sync

DEFAULT_JUDGES = ("checks", "core", "identifier", "variant")


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What ``epm judge score`` was asked for; without a model, model judges stay unscored."""

    judges: Sequence[str] = DEFAULT_JUDGES
    model: ModelSettings | None = None
    store: str = str(DEFAULT_STORE)
    limit: int | None = None
    concurrency: int = 8
    seed: int = 0


def score_stored(run_id: str, options: ScoreOptions, *, on_progress: ProgressSink = silent) -> ScoreReport:
    """The report of scoring the run of that id or id prefix.

    Raises:
        StoreError: no such store or run.
        ConfigError: a judge is unknown, or the egress policy forbids the model's host.
    """
    judges = [make_judge(spec) for spec in dict.fromkeys(options.judges)]
    policy = standing_policy()
    egress = OPEN if options.model is None else egress_for(options.model, policy)
    with guard_sockets(policy), RunStore.open(options.store, must_exist=True) as store:
        ctx = JudgeContext(gateway=_gateway(options, store), model=options.model, seed=options.seed, egress=egress)
        return run_sync(score_run(run_id, judges, ctx, store=store, limit=options.limit, on_progress=on_progress))


def _gateway(options: ScoreOptions, store: RunStore) -> Gateway | None:
    if options.model is None:
        return None
    from epm.gateway.metered import MeteredGateway
    from epm.session import open_transport

    transport = open_transport(options.model)
    return MeteredGateway(transport, store, concurrency=options.concurrency, timeout_s=options.model.timeout_s, seed=options.seed)
