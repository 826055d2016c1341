"""A run's rationales written as a training or reading dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from epm.distill.dataset import ViewOptions, rationale_rows, sft_view
from epm.distill.dataset_files import write_rows
from epm.errors import DataError
from epm.store.store import RunStore


class ExportFormat(StrEnum):
    """Which view of the rationales is written."""

    SFT = "sft"
    RATIONALES = "rationales"


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written: rows, the rationales behind them, what was dropped and why, and the SHA-256 of the rows."""

    path: Path
    n_rows: int
    n_items: int
    n_kept: int
    dropped: Mapping[str, int]
    sha256: str


def export_run(store: RunStore, run_id: str, path: Path, *, view: ExportFormat, options: ViewOptions) -> ExportResult:
    """Write a run's view to ``path`` (``.jsonl`` or ``.parquet``).

    Raises:
        DataError: nothing is left to write, or the file cannot be written.
        StoreError: there is no such run.
    """
    items, judgements = list(store.items(run_id)), list(store.judgements(run_id))
    if view is ExportFormat.RATIONALES:
        rationales = rationale_rows(items, judgements)
        dropped = {"no rationale": len(items) - len(rationales)} if len(rationales) < len(items) else {}
        _check_not_empty(len(rationales), run_id, dropped)
        return ExportResult(path, len(rationales), len(items), len(rationales), dropped, write_rows(path, rationales))
    found = sft_view(items, judgements, options)
    _check_not_empty(len(found.rows), run_id, found.dropped)
    return ExportResult(path, len(found.rows), found.n_items, found.n_kept, found.dropped, write_rows(path, found.rows))


def _check_not_empty(n_rows: int, run_id: str, dropped: Mapping[str, int]) -> None:
    if not n_rows:
        why = ", ".join(f"{reason}: {n}" for reason, n in dropped.items()) or "the run has no finished item"
        msg = f"run {run_id!r} leaves nothing to export ({why}): finish or judge the run, or ask for less"
        raise DataError(msg)
