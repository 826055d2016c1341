"""The table of ``epm runs list``: one line for each run, no wider than ``MOST_CHARS`` whatever files and models are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from epm.cli.visible import visible

if TYPE_CHECKING:
    from epm.store.records import RunRecord
    from epm.store.run_figures import RunFigures

_HEADERS = ("run", "command", "input", "model", "started (UTC)", "done", "failed", "waiting", "cost", "status")
_NUMBERS = frozenset({"done", "failed", "waiting", "cost"})
_WIDEST = (12, 12, 22, 24, 16, 13, 7, 7, 10, 22)
"""What each column may take: an id, a time and "1,234/1,916" whole; a longer name is cut in its middle, where names differ least."""
_GAP = "  "
MOST_CHARS = sum(_WIDEST) + len(_GAP) * (len(_WIDEST) - 1)


def runs_table(runs: Sequence[RunRecord], figures: Mapping[str, RunFigures]) -> str:
    """The runs in their order, with how far each came."""
    from epm.store.run_figures import RunFigures

    if not runs:
        return "no runs yet"
    rows = [_HEADERS, *(_cells(run, figures.get(run.run_id, RunFigures())) for run in runs)]
    cut = [[_middle_cut(cell, most) for cell, most in zip(row, _WIDEST, strict=True)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return "\n".join(_line(row, widths) for row in cut)


def _cells(run: RunRecord, seen: RunFigures) -> tuple[str, ...]:
    repeat = f", repeat {run.repeat}" if run.repeat else ""
    done = f"{seen.n_done:,}" if seen.n_items is None else f"{seen.n_done:,}/{seen.n_items:,}"
    cost = "?" if seen.cost_usd is None else f"${seen.cost_usd:,.4f}"
    return (
        run.run_id, visible(run.spec.command), visible(seen.input_name or run.spec.input_sha[:12]), visible(run.spec.model),
        datetime.fromtimestamp(run.created_at_s, tz=UTC).strftime("%Y-%m-%d %H:%M"), done, f"{seen.n_failed:,}", f"{seen.n_waiting:,}", cost,
        f"{run.status.value}{repeat}",
    )  # fmt: skip


def _middle_cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, _HEADERS, strict=True)
    return _GAP.join(cell.rjust(width) if name in _NUMBERS else cell.ljust(width) for cell, width, name in cells).rstrip()
