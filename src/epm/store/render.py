"""A run as JSON values and as plain text."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from epm.gateway.sent import is_here
from epm.graph_call import TRACED
from epm.store.causes import MAX_CAUSES
from epm.store.records import RunRecord, RunSummary

_SHOWN_CAUSES = 20
"""As many as fit on a screen beside the totals."""


def run_to_json(run: RunRecord) -> dict[str, object]:
    """The run as JSON values."""
    spec = {name: value for name, value in asdict(run).items() if name != "spec"}
    return {**spec, **asdict(run.spec), "status": run.status.value, "provenance": dict(run.provenance), "settings": dict(run.spec.settings)}


def summary_to_json(summary: RunSummary) -> dict[str, object]:
    """The summary as JSON values; ``cost_per_item_usd`` is ``null`` before the first finished item."""
    figures = {name: value for name, value in asdict(summary).items() if name not in {"run", "failures", "causes"}}
    failures = [asdict(group) for group in summary.failures]
    causes = [asdict(cause) for cause in summary.causes]
    return {
        "run": run_to_json(summary.run),
        **figures,
        "cost_per_item_usd": _cost_per_item(summary),
        "failures": failures,
        "causes": causes,
    }


def summary_text(summary: RunSummary) -> str:
    """The summary as lines of text."""
    run = summary.run
    cost = _cost_per_item(summary)
    unpriced = f" ({summary.n_calls_unpriced:,} calls at an unknown price not counted)" if summary.n_calls_unpriced else ""
    estimated = f" ({summary.n_calls_estimated:,} calls without token counts that can be, estimated)" if summary.n_calls_estimated else ""
    refused = f", {summary.n_replies_refused:,} refused by schema or checks" if summary.n_replies_refused else ""
    latency = "" if summary.mean_latency_s is None else f", {summary.mean_latency_s:.3f} s each"
    lines = [
        f"run {run.run_id}: {run.spec.command}, {run.status}, started {_time(run.created_at_s)} UTC",
        f"matcher {run.spec.matcher}, model {run.spec.model}, seed {run.spec.seed}, input {run.spec.input_sha[:12]}",
        f"items: {summary.n_done:,} done, {summary.n_failed:,} failed",
        f"calls: {summary.n_calls:,} sent ({summary.n_calls_failed:,} without a usable reply{refused}), {summary.n_calls_cached:,} from the cache{latency}",
        f"tokens: {summary.prompt_tokens:,} in, {summary.completion_tokens:,} out{estimated}",
        f"cost: ${summary.cost_usd:.4f}{'' if cost is None else f', ${cost:.6f} for each done item'}{unpriced}",
        f"models that answered: {', '.join(summary.models_answered) or 'none'}",
        *_sent_lines(summary),
    ]
    return "\n".join([*lines, *_cause_lines(summary)])


def _cause_lines(summary: RunSummary) -> list[str]:
    """A line for each of the commonest causes, and one that counts the rest."""
    shown = summary.causes[:_SHOWN_CAUSES]
    lines = [
        f"failed, {cause.error_class}{'' if cause.role is None else f' in {cause.role}'}: {cause.n_items:,} items, "
        f"e.g. {cause.example_item_id}: {cause.text or 'nothing was said'}; to do: {cause.remedy}"
        for cause in shown
    ]
    n_rest, n_items = summary.n_causes - len(shown), summary.n_failed - sum(cause.n_items for cause in shown)
    return [*lines, *([f"failed of {n_rest:,} more causes: {n_items:,} items; --json lists up to {MAX_CAUSES}"] if n_rest else [])]


def _sent_lines(summary: RunSummary) -> list[str]:
    lines = [
        f"{'stayed on' if is_here(to.host) else 'left'} this machine: {to.n_calls:,} calls to {to.host} with {', '.join(to.fields)}"
        for to in summary.sent
    ]
    lines += [f"{'stayed on' if is_here(place) else 'left'} this machine: traces to {place} with {TRACED}" for place in summary.traced_to]
    if summary.n_sent_unrecorded:
        lines.append(
            f"left this machine: {summary.n_sent_unrecorded:,} calls whose host and fields were not recorded (made by an older epm)"
        )
    places = (*(to.host for to in summary.sent), *summary.traced_to)
    has_left = summary.n_sent_unrecorded or not all(map(is_here, places))
    return lines if has_left else ["left this machine: nothing", *lines]


def _cost_per_item(summary: RunSummary) -> float | None:
    return summary.cost_usd / summary.n_done if summary.n_done else None


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).strftime("%Y-%m-%d %H:%M")
