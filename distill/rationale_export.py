"""The rationales of runs written as a dataset: a folder with a card, and nothing lost on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from epm.decision import LABEL_GIVEN
from epm.distill.dataset_card import rationale_card
from epm.distill.export import require_rows, searched_words
from epm.distill.label_words import LabelWords
from epm.distill.rationale_columns import FailedRow, RationaleRow
from epm.distill.rationale_files import CARD, FAILED, RATIONALES, refuse_foreign_folder, table_bytes, write_folder
from epm.distill.rationale_rows import KeptRun, OracleLabels, rationale_view
from epm.errors import ConfigError
from epm.store.codec import storable
from epm.store.origins import origins
from epm.store.store import RunStore


@dataclass(frozen=True, slots=True)
class RationaleExport:
    """What was written: items of all runs, those with a rationale, the others by class, and the SHA-256 of the rationales' file.

    ``n_label_given`` of the rationales were written by someone who had been told the label.
    """

    folder: Path
    run_ids: tuple[str, ...]
    n_items: int
    n_rows: int
    failed_by_class: dict[str, int]
    sha256: str
    n_label_given: int
    label_words: LabelWords


def export_rationales(
    store: RunStore, run_ids: Sequence[str], folder: Path, *, oracle: str | None = None, license_note: str | None = None,
    check_leaks: bool = False,
) -> RationaleExport:  # fmt: skip
    """Write every item of the runs into the folder: rationales, failed items, card.

    Args:
        store: where the runs stand.
        run_ids: their ids, or the beginnings of them.
        folder: made, or replaced where it holds an earlier dataset and nothing else.
        oracle: the run that ``oracle_label`` is of.
        license_note: what the exporter says about licences, for the card and each row.
        check_leaks: write nothing when a rationale holds label words.

    Raises:
        ConfigError: a run is named twice, or the oracle is one of the runs or was told the labels.
        DataError: there is no rationale, label words were found, or the folder holds something else or cannot be written.
        StoreError: there is no such run.
    """
    refuse_foreign_folder(folder)
    runs = _kept_runs(store, run_ids)
    records = [run.record for run in runs]
    labels = None if oracle is None else _oracle_labels(store, {record.run_id for record in records}, oracle)
    view = rationale_view(runs, labels, license_note)
    failed: dict[str, int] = {}
    for row in view.failed:
        failed[row.failure_class] = failed.get(row.failure_class, 0) + 1
    require_rows(len(view.rows), " ".join(record.run_id for record in records), failed)
    words = searched_words((item for run in runs for item in run.items), check_leaks=check_leaks)
    rationales = table_bytes(view.rows, RationaleRow)
    card = storable(rationale_card(records, view, words, license_note)).encode("utf-8")
    # no table of no rows: load_dataset cannot open one
    beside = {FAILED: table_bytes(view.failed, FailedRow)} if view.failed else {}
    write_folder(folder, {RATIONALES: rationales, **beside, CARD: card})
    return RationaleExport(
        folder, tuple(record.run_id for record in records), len(view.rows) + len(view.failed), len(view.rows), dict(sorted(failed.items())),
        hashlib.sha256(rationales).hexdigest(), sum(row.label_given_in_prompt for row in view.rows), words,
    )  # fmt: skip


def _kept_runs(store: RunStore, run_ids: Sequence[str]) -> list[KeptRun]:
    found: dict[str, KeptRun] = {}
    for given in run_ids:
        record = store.run(given)
        id_ = record.run_id
        if id_ in found:
            raise ConfigError(f"run {id_} is named twice, the second time as {given!r}: its rows would stand twice; name it once")
        found[id_] = KeptRun(record, tuple(store.items(id_)), tuple(store.judgements(id_)), store.read(partial(origins, run_id=id_)))
    return list(found.values())


def _oracle_labels(store: RunStore, exported: set[str], oracle: str) -> OracleLabels:
    record = store.run(oracle)
    if record.run_id in exported:
        raise ConfigError(f"run {record.run_id} cannot be its own oracle: it would agree with itself; name another run")
    if record.spec.settings.get(LABEL_GIVEN) == "yes":
        raise ConfigError(f"run {record.run_id} was told the gold labels: as an oracle it would repeat them; name a blind run")
    return OracleLabels.of(record.run_id, store.items(record.run_id))
