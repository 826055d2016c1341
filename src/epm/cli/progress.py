"""Progress on stderr: a rich live line on a terminal, one plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from epm.progress import ProgressEvent, ProgressSink, silent

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
        yield _PlainSink()


def describe(event: ProgressEvent, elapsed_s: float) -> str:
    """One line: done, failed, cached, cost, rate and the time left."""
    rate = event.n_done / elapsed_s if elapsed_s > 0 else 0.0
    parts = [f"{event.stage}: {event.n_done:,}/{event.n_total:,}"]
    if event.n_failed:
        parts.append(f"{event.n_failed:,} failed")
    if event.n_cached:
        parts.append(f"{event.n_cached:,} cached")
    if event.cost_usd:
        parts.append(f"${event.cost_usd:.4f}")
    if rate > 0:
        parts.append(f"{rate:.1f}/s")
        parts.append(f"{(event.n_total - event.n_done) / rate:.0f} s left" if event.n_done < event.n_total else f"{elapsed_s:.0f} s")
    if event.note:
        parts.append(event.note)
    return ", ".join(parts)


class _PlainSink:
    """Writes a line at the start, every few seconds, and at the end of a stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._started_s = 0.0
        self._shown_s = 0.0

    def __call__(self, event: ProgressEvent) -> None:
        now_s = time.monotonic()
        if event.stage != self._stage:
            self._stage, self._started_s, self._shown_s = event.stage, now_s, 0.0
        if event.n_done >= event.n_total or now_s - self._shown_s >= PLAIN_INTERVAL_S:
            self._shown_s = now_s
            sys.stderr.write(describe(event, now_s - self._started_s) + "\n")
            sys.stderr.flush()


@contextmanager
def _rich_sink() -> Iterator[ProgressSink]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24))
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        stages: dict[str, tuple[TaskID, float]] = {}

        def sink(event: ProgressEvent) -> None:
            if event.stage not in stages:
                stages[event.stage] = (progress.add_task(event.stage, total=event.n_total), time.monotonic())
            task, started_s = stages[event.stage]
            line = describe(event, time.monotonic() - started_s)
            progress.update(task, completed=event.n_done, total=event.n_total, description=line)

        yield sink
