"""Asking again the judges whose calls failed, with the settings of the run's last scoring; scores are not touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

from epm.errors import ConfigError, ErrorClass
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.judges.score import COMMAND, failures_of, latest_judgements
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.progress import ProgressSink, silent
from epm.rationale import Axis
from epm.store.holding import holding
from epm.store.kept_replies import JUDGE_ROLES, forget_roles
from epm.store.launch import Launch, latest_launch
from epm.store.place import AnyPlace
from epm.store.store import RunStore


@dataclass(frozen=True, slots=True)
class JudgeRetryReport:
    """What asking again came to; ``n_tried`` and ``n_failed`` count axis scores that had failed, and that failed again."""

    run_id: str
    n_tried: int
    n_failed: int
    failed_by_class: dict[str, int]
    cost_usd: float

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)

    def summary(self) -> str:
        """The figures as one line of text."""
        n_scored = self.n_tried - self.n_failed
        return f"run {self.run_id}: {self.n_tried} scores asked for again, {n_scored} given now, {self.n_failed} failed again, cost ${self.cost_usd:.4f}"


@dataclass(frozen=True, slots=True)
class _Failure:
    pair_id: str
    judge: str
    axis: Axis
    error_class: ErrorClass = field(compare=False)


def retry_judging(
    run: str, *, store: AnyPlace, classes: Collection[ErrorClass] = (), concurrency: int | None = None, bounds: Bounds = NO_BOUNDS,
    on_progress: ProgressSink = silent,
) -> JudgeRetryReport:  # fmt: skip
    """The report of judging again what failed in a run; with ``classes`` only what failed so.

    Raises:
        StoreError: no such store or run.
        ConfigError: the run was not scored with a model by an epm that keeps how.
        BudgetError: a cap was reached; repeat the command to go on.
    """
    with RunStore.open(store, must_exist=True) as opened:
        run_id = opened.run(run).run_id
        launch = _launch(opened, run_id)
        judges = tuple(cast("list[str]", launch.settings["judges"]))
        failed = set(_failures(opened, run_id, judges, classes))
        with holding(opened, run_id, COMMAND):
            forget_roles(opened, run_id, [(failure.pair_id, f"{JUDGE_ROLES}{failure.axis}") for failure in failed])
    if not failed:
        return JudgeRetryReport(run_id, 0, 0, {}, 0.0)
    concerned = [judge for judge in judges if judge in {failure.judge for failure in failed}]
    options = ScoreOptions(
        judges=concerned, model=launch.model, store=store, seed=cast(int, launch.settings["seed"]),
        concurrency=concurrency or cast(int, launch.settings["concurrency"]), bounds=bounds,
    )  # fmt: skip
    report = score_stored(run_id, options, pair_ids=frozenset(failure.pair_id for failure in failed), on_progress=on_progress)
    with RunStore.open(store, must_exist=True) as opened:
        again = Counter(failure.error_class.value for failure in set(_failures(opened, run_id, judges, ())) if failure in failed)
    return JudgeRetryReport(run_id, len(failed), again.total(), dict(again.most_common()), report.cost_usd)


def _launch(store: RunStore, run_id: str) -> Launch:
    launch = latest_launch(store, run_id, COMMAND)
    if launch is None or launch.model is None:
        msg = f"run {run_id} has no scoring with a model whose settings are kept: score it with 'epm judge score {run_id} --model ...'"
        raise ConfigError(msg)
    return launch


def _failures(store: RunStore, run_id: str, judges: Collection[str], classes: Collection[ErrorClass]) -> Iterator[_Failure]:
    """Axis scores that are missing because a call failed."""
    for judgement in latest_judgements(store.judgements(run_id)).values():
        for axis, error_class in failures_of(judgement).items():
            if judgement.judge in judges and error_class in (classes or ErrorClass):
                yield _Failure(judgement.pair_id, judgement.judge, axis, error_class)
