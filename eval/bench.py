"""Bench: several matchers on the same labelled pairs, one row of figures each.

The operating point is chosen on validation pairs where there are some (inner thresholds by ``Tunable.tuned``, then the
score with the best F1); otherwise a row shows the matcher's own labels and says ``as-is``. Cost, tokens, latency and
speed are those of the evaluated pairs alone; a matcher that cannot work here is refused before any pair.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal

from epm.decision import Decision
from epm.errors import DataError
from epm.eval.intervals import f1_interval
from epm.eval.leakage import Leakage, leakage
from epm.eval.metrics import Metrics, Outcomes, choose_threshold, measure, outcomes
from epm.eval.spending import Meter, Spending
from epm.gateway.request import ModelSettings
from epm.matcher import MatchContext, Matcher, Tunable, require_usable
from epm.matching import ASKS_A_MODEL, ASKS_THE_MODEL, decide_all
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.registry import make_matcher
from epm.sync import run_sync

AS_IS: Literal["as-is"] = "as-is"


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One row of the bench table; the field names are the contract of ``epm bench --json``.

    Cost and tokens are the ledger's where a model was asked, calls that failed included; ``n_cached`` replies were there
    already and are in neither. ``reasoning_tokens`` are the hidden part of ``completion_tokens``, 0 where the server does not
    say. ``latency_s`` is the median from a pair's beginning to its decision, waiting included, of the pairs that the cache did
    not answer; ``None`` where the matcher does not say.
    """

    matcher: str
    n: int
    positives: int
    precision: float | None
    recall: float | None
    f1: float | None
    accuracy: float | None
    f1_ci95: tuple[float | None, float | None]
    auprc: float | None
    recall_at_p99: float | None
    coverage: float | None
    n_failed: int
    threshold: float | Literal["as-is"]
    cost_usd: float
    pairs_per_s: float | None
    latency_s: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    n_cached: int = 0

    def to_json(self) -> dict[str, object]:
        """The row as JSON values, in the order of the contract."""
        return {**asdict(self), "f1_ci95": list(self.f1_ci95)}


@dataclass(frozen=True, slots=True, eq=False)
class MatcherResult:
    """A row with what stands behind it: outcomes at the operating point, decisions, failures by error class."""

    row: BenchRow
    outcomes: Outcomes
    decisions: tuple[Decision, ...]
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class BenchReport:
    """All results on one set of labelled pairs; ``leakage`` is against the validation pairs, ``plan_sha`` of the file that planned it."""

    results: tuple[MatcherResult, ...]
    pairs: tuple[Pair, ...]
    n_unlabelled: int
    leakage: Leakage | None
    plan_sha: str | None = None

    @property
    def rows(self) -> tuple[BenchRow, ...]:
        """The rows, in the order in which the matchers were given."""
        return tuple(result.row for result in self.results)

    def to_json(self) -> dict[str, object]:
        """What ``epm bench --json`` prints."""
        rows: dict[str, object] = {"rows": [row.to_json() for row in self.rows]}
        return rows if self.plan_sha is None else {"plan_sha256": self.plan_sha, **rows}


def matcher_label(spec: str, model: ModelSettings | None) -> str:
    """How a matcher is named in tables: its spec, and what the spec does not say of the model that it asks.

    That is its name (``rules`` when none is given), and the reasoning effort that was set for it.
    """
    head = spec.partition(":")[0]
    if spec in ASKS_A_MODEL or head in ASKS_THE_MODEL:
        has_effort = head != "reasoning"  # whose spec says its own
        return f"{spec}[{'rules' if model is None else model.asked if has_effort else model.name}]"
    is_told = head in ASKS_A_MODEL and model is not None and model.reasoning_effort is not None
    return f"{spec}[effort {model.reasoning_effort}]" if is_told and model is not None else spec


def bench(
    pairs: Sequence[Pair],
    specs: Sequence[str],
    *,
    ctx: MatchContext,
    valid: Sequence[Pair] | None = None,
    on_progress: ProgressSink = silent,
) -> BenchReport:
    """Figures of each matcher on the labelled pairs; pairs without gold label are left out and counted.

    Every spec is made before anything runs.

    Raises:
        ConfigError: a spec cannot be made into a matcher, or a matcher cannot work in this context.
        DataError: no labelled pair, or validation pairs on which no threshold can be chosen.
    """
    matchers = [(matcher_label(spec, ctx.model), make_matcher(spec)) for spec in specs]
    return bench_matchers(pairs, matchers, ctx=ctx, valid=valid, on_progress=on_progress)


def bench_matchers(
    pairs: Sequence[Pair],
    matchers: Sequence[tuple[str, Matcher]],
    *,
    ctx: MatchContext,
    valid: Sequence[Pair] | None = None,
    on_progress: ProgressSink = silent,
) -> BenchReport:
    """Like :func:`bench`, for matchers that are made already, each with its name in the table."""
    require_usable([matcher for _, matcher in matchers], ctx)
    labelled = _labelled(pairs, "evaluation")
    tuning = None if valid is None else _labelled(valid, "validation")
    results = run_sync(_bench_all(matchers, labelled, tuning, ctx, on_progress))
    seen = None if tuning is None else leakage(labelled, tuning)
    return BenchReport(tuple(results), labelled, len(pairs) - len(labelled), seen)


async def _bench_all(
    matchers: Sequence[tuple[str, Matcher]],
    pairs: Sequence[Pair],
    valid: Sequence[Pair] | None,
    ctx: MatchContext,
    on_progress: ProgressSink,
) -> list[MatcherResult]:
    return [await _bench_one(label, matcher, pairs, valid, ctx, on_progress) for label, matcher in matchers]


async def _bench_one(
    label: str, matcher: Matcher, pairs: Sequence[Pair], valid: Sequence[Pair] | None, ctx: MatchContext, on_progress: ProgressSink
) -> MatcherResult:
    threshold: float | None = None
    if valid is not None:
        matcher = matcher.tuned(valid) if isinstance(matcher, Tunable) else matcher
        tried = await decide_all(matcher, valid, ctx, stage=f"{label} on valid", on_progress=on_progress)
        threshold = choose_threshold(outcomes(valid, tried))
    started, meter = time.perf_counter(), Meter(ctx.gateway)
    decisions = await decide_all(matcher, pairs, ctx, stage=label, on_progress=on_progress)
    seconds, spent = time.perf_counter() - started, meter.read()
    seen = outcomes(pairs, decisions)
    if threshold is not None and seen.scores is not None:
        return _result(label, seen.at_threshold(threshold), decisions, threshold, seconds, spent)
    return _result(label, seen, decisions, AS_IS, seconds, spent)


def _result(
    label: str,
    seen: Outcomes,
    decisions: Sequence[Decision],
    threshold: float | Literal["as-is"],
    seconds: float,
    spent: Spending | None,
) -> MatcherResult:
    found: Metrics = measure(seen)
    usage = None if spent is None else spent.usage
    failures = Counter(d.error_class.value for d in decisions if d.error_class is not None)
    row = BenchRow(
        matcher=label, n=found.n, positives=found.positives, precision=found.precision, recall=found.recall, f1=found.f1,
        accuracy=found.accuracy, f1_ci95=f1_interval(seen) or (None, None), auprc=found.auprc, recall_at_p99=found.recall_at_p99,
        coverage=found.coverage, n_failed=found.n_failed, threshold=threshold,
        cost_usd=sum(d.cost_usd for d in decisions) if spent is None else spent.cost_usd,
        pairs_per_s=found.n / seconds if seconds > 0 else None, latency_s=_latency_s(decisions),
        prompt_tokens=None if usage is None else usage.prompt_tokens,
        completion_tokens=None if usage is None else usage.completion_tokens,
        reasoning_tokens=None if usage is None else usage.reasoning_tokens, n_cached=0 if spent is None else spent.n_cached,
    )  # fmt: skip
    return MatcherResult(row, seen, tuple(decisions), dict(sorted(failures.items())))


def _latency_s(decisions: Sequence[Decision]) -> float | None:
    taken = [decision.latency_s for decision in decisions if not decision.is_cached]
    return (median(taken) or None) if taken else None


def _labelled(pairs: Sequence[Pair], role: str) -> tuple[Pair, ...]:
    kept = tuple(pair for pair in pairs if pair.gold_label is not None)
    if not kept:
        raise DataError(f"none of the {len(pairs)} {role} pairs has a gold label; give a file with labels 0/1 or match/no_match")
    return kept
