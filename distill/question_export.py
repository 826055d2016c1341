"""The explored questions of a run written as preference data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from epm.distill.dataset_files import write_rows
from epm.distill.export import require_rows
from epm.distill.question_preferences import question_preferences
from epm.store.store import RunStore


@dataclass(frozen=True, slots=True)
class QuestionExport:
    """What was written: rows, the items behind them, what was dropped and why, and the SHA-256 of the rows.

    ``scores`` says how often each variant came to the right label, to none or to the wrong one.
    """

    path: Path
    n_rows: int
    n_items: int
    dropped: Mapping[str, int]
    scores: Mapping[str, Mapping[str, int]]
    sha256: str


def export_questions(store: RunStore, run_id: str, path: Path) -> QuestionExport:
    """Write the preferences of a run, named by its id or the beginning of it, to ``path`` (``.jsonl`` or ``.parquet``).

    Raises:
        DataError: nothing is left to write, or the file cannot be written.
        StoreError: there is no such run.
    """
    run_id = store.run(run_id).run_id
    view = question_preferences(store.items(run_id), run_id)
    require_rows(len(view.rows), run_id, view.dropped)
    return QuestionExport(path, len(view.rows), view.n_items, view.dropped, view.scores, write_rows(path, view.rows, is_nested=True))
