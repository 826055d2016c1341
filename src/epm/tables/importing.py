"""A mapped table written as a pair file, row by row: the table is never held in memory, listing tables are, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path

from epm.files.overwriting import refuse_overwriting
from epm.files.pairs import OnBadRow, pair_columns, write_pair_stream
from epm.files.rows import ATTRIBUTE_PREFIX, SIDES, RowError
from epm.pair import Pair
from epm.tables.import_report import TableReport, unused_columns
from epm.tables.mapping import FileLayout, LabelWord, Mapping, SideMapping
from epm.tables.pair_rows import ListingCells, ListingTable, RowPairs, listing_table
from epm.tables.repeats import Repeats
from epm.tables.source import named_rows


@dataclass(slots=True)
class ImportReport(TableReport):
    """What was written as pairs, and what was left out."""

    n_pairs: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, object]:
        """The report as JSON values."""
        return {"n_pairs": self.n_pairs, "labels": dict(self.labels), **self.shared_json()}


def import_pairs(
    path: Path, out: Path, *, mapping: Mapping, base: Path, labels: Map[str, LabelWord] | None = None, on_bad_row: OnBadRow = "stop"
) -> ImportReport:
    """What became of a table that is written to ``out`` as pairs.

    Args:
        path: the table of pairs.
        out: a ``.jsonl``, ``.jsonl.gz``, ``.csv`` or ``.parquet`` file.
        mapping: how the table is read.
        base: the folder from which the mapping's listing tables count.
        labels: label words that go before those of the mapping.
        on_bad_row: ``stop`` at the first bad row, or ``skip`` bad rows and count them.

    Raises:
        DataError: a file cannot be read or written, a mapped column is absent, or a row is bad under ``stop``; names the cell.
    """
    refuse_overwriting(out, [path, *(base / side.table for side in (mapping.left, mapping.right) if side.table)])
    report = ImportReport()
    steps = _Import(path, mapping, base, on_bad_row, report)
    report.unused_columns = steps.check_columns()
    rows = steps.row_pairs(labels or {})
    columns = pair_columns(_written_fields(mapping))
    write_pair_stream(out, steps.pairs(rows), columns)
    for reader in (*rows.sides.values(), *steps.readers):
        report.count_cells(reader)
    return report


class _Import:
    def __init__(self, path: Path, mapping: Mapping, base: Path, on_bad_row: OnBadRow, report: ImportReport) -> None:
        self._path, self._mapping, self._base, self._on_bad_row, self._report = path, mapping, base, on_bad_row, report
        self.readers: list[ListingCells] = []

    def check_columns(self) -> tuple[str, ...]:
        """The columns that the mapping does not use; raises for one that it names and the file lacks."""
        sides: list[SideMapping] = [self._mapping.left, self._mapping.right]
        wanted = [*self._mapping.pair.model_dump().values()]
        for side in sides:
            own = [*side.columns.values(), *side.attributes.values()]
            if side.table:
                unused_columns(self._base / side.table, side.file or FileLayout(), own)
            wanted += [side.key] if side.table else own
        return unused_columns(self._path, self._mapping.file, wanted)

    def row_pairs(self, labels: Map[str, LabelWord]) -> RowPairs:
        """The reader of the rows, its listing tables loaded; a table that serves both sides alike is held once."""
        tables: dict[str, ListingTable] = {}
        if self._mapping.left.table:
            tables["left"] = self._table(self._mapping.left)
        if self._mapping.right.table:
            is_shared = self._mapping.right.model_copy(update={"key": self._mapping.left.key}) == self._mapping.left
            tables["right"] = tables["left"] if is_shared else self._table(self._mapping.right)
        return RowPairs(self._mapping, labels, tables)

    def pairs(self, rows: RowPairs) -> Iterator[Pair]:
        """The good pairs in file order; exact repeats are left out and counted."""
        repeats = Repeats()
        for row in named_rows(self._path, self._mapping.file):
            try:
                pair = rows.pair(row)
                is_new = repeats.is_new(pair, row.line)
            except RowError as error:
                self._refuse(self._path, self._mapping.file, row.line, str(error))
                continue
            if not is_new:
                self._report.n_repeats += 1
                continue
            self._report.n_pairs += 1
            self._report.labels[pair.gold_label.value if pair.gold_label else "none"] += 1
            yield pair
        if not self._report.n_pairs:
            raise self._report.no_good_row(self._path)

    def _table(self, side: SideMapping) -> ListingTable:
        layout = side.file or FileLayout()
        reader = ListingCells(side, layout, self._mapping.damaged_identifiers)
        self.readers.append(reader)
        path = self._base / side.table
        listings, bad = listing_table(named_rows(path, layout), reader, side.columns["id"])
        for line, reason in bad:
            self._refuse(path, layout, line, reason)
        return listings

    def _refuse(self, path: Path, layout: FileLayout, line: int, reason: str) -> None:
        self._report.refuse((path, layout, line), reason, self._on_bad_row)


def _written_fields(mapping: Mapping) -> Iterator[str]:
    yield from ("pair_id", *(name for name in ("relation", "factor", "split") if getattr(mapping.pair, name)))
    if mapping.pair.label:
        yield "gold_label"
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        fields = {"id", *(known for known, column in side.columns.items() if column)}
        yield from (f"{name}_{known}" for known in fields | ({"currency"} if "price" in fields else set()))
        yield from (f"{name}_{ATTRIBUTE_PREFIX}{attribute}" for attribute in side.attributes)
