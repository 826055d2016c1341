"""Trying the failed items of a teaching run again, from the store alone: pairs and settings stand there, no input file is needed.

New attempts are appended under the same run; done items are not touched. What an item failed with is forgotten first, so
that the model is asked again instead of the cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from epm.agents.teach import COMMAND, Again, TeachJob, teach
from epm.agents.teach_file import NO_PROMPTS
from epm.agents.told import told_matcher
from epm.agents.web_search import web_search_in_force
from epm.decision import LABEL_GIVEN, Outcome
from epm.errors import ConfigError, ErrorClass
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.judges.run_identity import identity_of
from epm.knowledge.catalogue import default_index
from epm.progress import ProgressSink, silent
from epm.registry import make_matcher
from epm.session import open_session
from epm.store.holding import holding
from epm.store.kept_replies import forget_failed
from epm.store.launch import Launch, latest_launch
from epm.store.place import AnyPlace
from epm.store.purged import is_purged
from epm.store.records import RunRecord, RunSpec, RunStatus, StoredItem
from epm.store.store import RunStore
from epm.sync import run_sync


@dataclass(frozen=True, slots=True)
class RetryReport:
    """What trying again came to. ``n_purged`` failed items were left out: their listings' text is gone."""

    run_id: str
    n_tried: int
    n_done: int
    n_failed: int
    failed_by_class: dict[str, int]
    cost_usd: float
    n_forgotten: int
    n_purged: int = 0

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """The figures as one line of text."""
        by_class = ", ".join(f"{name} {count}" for name, count in self.failed_by_class.items())
        failed = f"{self.n_failed} failed again{f' ({by_class})' if by_class else ''}"
        purged = f"; {self.n_purged} left out, their text was purged" if self.n_purged else ""
        return f"run {self.run_id}: {self.n_tried} items tried again, {self.n_done} done now, {failed}, cost ${self.cost_usd:.4f}{purged}"


@dataclass(frozen=True, slots=True)
class _Plan:
    run: RunRecord
    launch: Launch
    items: Sequence[StoredItem]
    chosen: Sequence[StoredItem]
    n_purged: int


def retry_failed(
    run: str, *, store: AnyPlace, classes: Collection[ErrorClass] = (), concurrency: int | None = None, bounds: Bounds = NO_BOUNDS,
    on_progress: ProgressSink = silent,
) -> RetryReport:  # fmt: skip
    """The report of trying a run's failed items again; with ``classes`` only those that failed so.

    Raises:
        StoreError: no such store or run.
        ConfigError: the run cannot be repeated as it was made; says what differs.
        BudgetError: a cap was reached; repeat the command to go on.
    """
    with RunStore.open(store, must_exist=True) as opened:
        plan = _plan(opened, run, classes)
    if not plan.chosen:
        return RetryReport(plan.run.run_id, 0, 0, 0, {}, 0.0, 0, plan.n_purged)
    return _carry_out(plan, store, concurrency or cast(int, plan.launch.settings["concurrency"]), bounds, on_progress)


def _plan(store: RunStore, run_id: str, classes: Collection[ErrorClass]) -> _Plan:
    run = store.run(run_id)
    if run.spec.command != COMMAND:
        msg = f"run {run.run_id} is of {run.spec.command!r}: only runs of {COMMAND!r} can be tried again; repeat its command instead"
        raise ConfigError(msg)
    launch = latest_launch(store, run.run_id, COMMAND)
    if launch is None or launch.model is None or "matcher" not in launch.settings:
        msg = f"run {run.run_id} was made without keeping how it was launched; repeat 'epm teach' on its input instead: done items are kept"
        raise ConfigError(msg)
    items = list(store.items(run.run_id))
    failed = [item for item in items if item.decision.outcome is Outcome.FAILED]
    wanted = [item for item in failed if not classes or item.decision.error_class in classes]
    chosen = [item for item in wanted if not is_purged(item.pair)]
    return _Plan(run, launch, items, chosen, len(wanted) - len(chosen))


def _carry_out(plan: _Plan, store: AnyPlace, concurrency: int, bounds: Bounds, on_progress: ProgressSink) -> RetryReport:
    run, settings = plan.run, plan.launch.settings
    model = plan.launch.model
    assert model is not None  # noqa: S101  # _plan refused a launch without one
    matcher, folder = make_matcher(str(settings["matcher"])), Path(str(settings["knowledge_folder"]))
    with (
        open_session(store=store, model=model, concurrency=concurrency, seed=run.spec.seed, bounds=bounds) as session,
        closing(default_index(folder, str(settings["embedder"]))) as knowledge,
    ):
        assert session.store is not None  # noqa: S101  # a place was given
        search, egress = web_search_in_force(cast("str | None", settings.get("web_search")), session.egress)
        ids = frozenset(item.item_id for item in plan.chosen)
        # every pair of the run, so that the index holds the rivals that it held before; those not chosen are not decided
        pairs = [item.pair for item in plan.items if not is_purged(item.pair)]
        is_label_given = run.spec.settings.get(LABEL_GIVEN) == "yes"
        matcher = told_matcher(matcher, pairs) if is_label_given else matcher
        job = TeachJob(
            matcher=matcher, model=model, input_sha=run.spec.input_sha, prompts_sha=getattr(matcher, "prompts_sha", NO_PROMPTS),
            knowledge_name=knowledge.name, identity=identity_of(run.spec.settings), seed=run.spec.seed, concurrency=concurrency,
            egress=egress, web_search=search, only=ids, again=Again(run.run_id, _status_after(run)), launch=settings,
            is_label_given=is_label_given,
        )  # fmt: skip
        _check_same(run, job.spec())
        with holding(session.store, run.run_id, COMMAND):
            n_forgotten = forget_failed(session.store, run.run_id, ids)
            report = run_sync(teach(pairs, job, store=session.store, gateway=session.gateway, knowledge=knowledge, on_progress=on_progress))
        tried = [item.decision for item in session.store.items(run.run_id) if item.item_id in ids]
    failed = Counter(decision.error_class.value for decision in tried if decision.error_class is not None)
    return RetryReport(
        run.run_id, len(tried), len(tried) - failed.total(), failed.total(), dict(failed.most_common()), report.cost_now_usd,
        n_forgotten, plan.n_purged,
    )  # fmt: skip


def _status_after(run: RunRecord) -> RunStatus:
    """A run that was cut short has items that no attempt was made on: trying the failed ones again does not make it done."""
    return RunStatus.INTERRUPTED if run.status is RunStatus.RUNNING else run.status


def _check_same(run: RunRecord, now: RunSpec) -> None:
    """Refuse where repeating would not do what the run did: its attempts must be comparable.

    Raises:
        ConfigError: names each difference.
    """
    was, is_ = _parts(run.spec), _parts(now)
    differing = sorted(name for name in {*was, *is_} if was.get(name) != is_.get(name))
    if differing:
        shown = "; ".join(f"{name} was {was.get(name)!r}, is {is_.get(name)!r}" for name in differing)
        msg = f"run {run.run_id} cannot be tried again as it was made: {shown}; begin a new run with 'epm teach'"
        raise ConfigError(msg)


def _parts(spec: RunSpec) -> dict[str, str]:
    return {"matcher": spec.matcher, "prompts_sha": spec.prompts_sha, "model": spec.model, **spec.settings}
