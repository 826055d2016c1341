"""Progress on stderr: a rich live line on a terminal, one plain line every few seconds elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from epm.cli.streams import rich_console
from epm.cli.visible import visible
from epm.progress import ProgressEvent, ProgressSink, silent

if TYPE_CHECKING:
    from epm.gateway.limiter import LimiterState

PLAIN_INTERVAL_S = 5.0
"""Seconds between plain lines: often enough to see life, seldom enough for a log file."""


@contextmanager
def progress_sink(*, quiet: bool = False) -> Iterator[ProgressSink]:
    """The sink for this terminal; the last state of each stage is always shown."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _rich_sink() as sink:
            yield sink
    else:
        sink = _PlainSink()
        try:
            yield sink
        finally:
            sink.close()


def describe(event: ProgressEvent, elapsed_s: float) -> str:
    """One line: done, failed, unscored, cached, cost in all and by item, items and tokens a second, the time left, and what the account lets through.

    Speed and time left are of the items of this command: those that an earlier one had done took no time now.
    """
    n_new = event.n_done - event.n_before
    rate = n_new / elapsed_s if elapsed_s > 0 else 0.0
    counts = {"failed": event.n_failed, "unscored": event.n_unscored, "cached": event.n_cached}
    parts = [f"{event.stage}: {event.n_done:,}/{event.n_total:,}", *(f"{count:,} {name}" for name, count in counts.items() if count)]
    if event.cost_usd:
        parts.append(f"${event.cost_usd:.4f}" + (f" (${event.cost_usd / n_new:.5f}/item)" if n_new else ""))
    if rate > 0:
        parts.append(f"{rate:.1f}/s")
        parts.append(f"{(event.n_total - event.n_done) / rate:.0f} s left" if event.n_done < event.n_total else f"{elapsed_s:.0f} s")
    n_tokens = 0 if event.n_tokens is None else event.n_tokens()
    if n_tokens and elapsed_s > 0:
        parts.append(f"{n_tokens / elapsed_s:,.0f} tokens/s")
    if event.limiter is not None and event.n_done < event.n_total:
        parts.append(describe_limiter(event.limiter()))
    if event.note:
        parts.append(event.note)
    return visible(", ".join(parts))


def describe_limiter(state: LimiterState) -> str:
    """Calls in flight and allowed, the rate where admission is paced, and the pause that a server asked for."""
    text = f"{state.n_in_flight} of {state.limit} calls in flight"
    if state.rate_per_s is not None:
        text += f" at {60 * state.rate_per_s:.0f}/min"
    if state.paused_s > 0:
        text += f", paused for {math.ceil(state.paused_s)} s"
    return text


class _PlainSink:
    """Writes a line at the start, every few seconds, and at the end of a stage, whether it was done or cut."""

    def __init__(self) -> None:
        self._stage = ""
        self._started_s = 0.0
        self._shown_s = 0.0
        self._unshown: ProgressEvent | None = None

    def close(self) -> None:
        """Show the last state of the stage, where it is not shown yet."""
        if self._unshown is not None:
            self._show(self._unshown, time.monotonic())

    def __call__(self, event: ProgressEvent) -> None:
        now_s = time.monotonic()
        if event.stage != self._stage:
            self.close()
            self._stage, self._started_s, self._shown_s = event.stage, now_s, 0.0
        if event.n_done >= event.n_total or now_s - self._shown_s >= PLAIN_INTERVAL_S:
            self._show(event, now_s)
        else:
            self._unshown = event

    def _show(self, event: ProgressEvent, now_s: float) -> None:
        self._shown_s, self._unshown = now_s, None
        sys.stderr.write(describe(event, now_s - self._started_s) + "\n")
        sys.stderr.flush()


@contextmanager
def _rich_sink() -> Iterator[ProgressSink]:
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
    from rich.text import Text

    class Line(ProgressColumn):
        """Read anew at each refresh: a paused account finishes no item, and must not look like a hang."""

        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            event, started_s, ended_s = latest[task.id]
            return Text(describe(event, (ended_s or time.monotonic()) - started_s))

    latest: dict[TaskID, tuple[ProgressEvent, float, float | None]] = {}
    with Progress(Line(), BarColumn(bar_width=24), console=rich_console(is_stderr=True), transient=False) as progress:
        stages: dict[str, TaskID] = {}

        def sink(event: ProgressEvent) -> None:
            now_s = time.monotonic()
            if event.stage not in stages:
                task = TaskID(len(stages))  # the ids that Progress gives: its line may be drawn before add_task returns
                stages[event.stage], latest[task] = task, (event, now_s, None)
                progress.add_task(event.stage, total=event.n_total)
            task = stages[event.stage]
            latest[task] = (event, latest[task][1], now_s if event.n_done >= event.n_total else None)
            progress.update(task, completed=event.n_done, total=event.n_total)

        yield sink
