"""A run's rationales written as a training file: prompts and completions, or conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from epm.distill.chat_rows import ChatRow, chat_view
from epm.distill.dataset import DatasetView, SftRow, StoredDecision, ViewOptions, sft_view
from epm.distill.dataset_files import write_rows
from epm.distill.label_words import LabelWords, found_label_words
from epm.errors import DataError
from epm.judgement import Judgement
from epm.judges.run_identity import identity_of
from epm.store.purged import is_purged
from epm.store.records import StoredItem
from epm.store.store import RunStore


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What was written: rows, the rationales behind them, what was dropped and why, and the SHA-256 of the rows.

    ``n_label_given`` of the rationales were written by someone who had been told the label; ``label_words`` stand in theirs
    and the others' free text.
    """

    path: Path
    n_rows: int
    n_items: int
    n_kept: int
    dropped: Mapping[str, int]
    sha256: str
    n_label_given: int
    label_words: LabelWords


class _View(Protocol):
    def __call__(self, items: Iterable[StoredDecision], judgements: Iterable[Judgement]) -> DatasetView[SftRow] | DatasetView[ChatRow]: ...


def export_sft(store: RunStore, run_id: str, path: Path, options: ViewOptions, *, check_leaks: bool = False) -> ExportResult:
    """Write the SFT rows of a run, named by its id or the beginning of it, to ``path`` (``.jsonl`` or ``.parquet``); with ``check_leaks`` only when no rationale holds label words.

    Raises:
        DataError: nothing is left to write, label words were found, or the file cannot be written.
        StoreError: there is no such run.
    """
    return _export(store, run_id, path, partial(sft_view, options=options), check_leaks=check_leaks)


def export_chat(store: RunStore, run_id: str, path: Path, options: ViewOptions, *, check_leaks: bool = False) -> ExportResult:
    """Write a run's rationales as conversations to ``path`` (``.jsonl`` or ``.parquet``), otherwise like ``export_sft``.

    Raises:
        DataError: as ``export_sft`` does.
        StoreError: there is no such run.
    """
    identity = identity_of(store.run(run_id).spec.settings)
    return _export(store, run_id, path, partial(chat_view, options=options, identity=identity), check_leaks=check_leaks)


def _export(store: RunStore, run_id: str, path: Path, view: _View, *, check_leaks: bool) -> ExportResult:
    run_id = store.run(run_id).run_id
    items = list(store.items(run_id))
    found = view(items, store.judgements(run_id))
    require_rows(len(found.rows), run_id, found.dropped)
    kept = {row.pair_id for row in found.rows}
    words = searched_words((item for item in items if item.pair.id in kept), check_leaks=check_leaks)
    n_label_given = len({row.pair_id for row in found.rows if row.label_given_in_prompt})
    sha256 = write_rows(path, found.rows, is_nested=True)
    return ExportResult(path, len(found.rows), found.n_items, found.n_kept, found.dropped, sha256, n_label_given, words)


def searched_words(items: Iterable[StoredItem], *, check_leaks: bool) -> LabelWords:
    """The label words of the items' rationales.

    Raises:
        DataError: ``check_leaks``, and there are some.
    """
    shown = [(item.pair, item.decision.rationale) for item in items if not is_purged(item.pair)]
    found = found_label_words((pair, rationale) for pair, rationale in shown if rationale is not None)
    if check_leaks and found.pair_ids:
        msg = f"{found.summary()}: nothing was written; without --check-leaks '--format rationales' names them in its column label_words, to be left out"
        raise DataError(msg)
    return found


def require_rows(n_rows: int, run: str, dropped: Mapping[str, int]) -> None:
    """Nothing, when there is something to write.

    Raises:
        DataError: there is not; says what became of the items.
    """
    if not n_rows:
        why = ", ".join(f"{reason}: {n}" for reason, n in dropped.items()) or "the run has no finished item"
        msg = f"run {run!r} leaves nothing to export ({why}): finish or judge the run, or ask for less"
        raise DataError(msg)
