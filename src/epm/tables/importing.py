"""A mapped table written as a pair file, row by row: the table is never held in memory, listing tables are, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path

from epm.errors import DataError
from epm.files.pairs import BadRow, OnBadRow, pair_columns, write_pair_stream
from epm.files.rows import ATTRIBUTE_PREFIX, SIDES, RowError
from epm.pair import Pair
from epm.tables.mapping import FileLayout, LabelWord, Mapping, SideMapping
from epm.tables.pair_rows import ListingCells, ListingTable, RowPairs, listing_table
from epm.tables.repeats import Repeats
from epm.tables.source import header_names, named_rows, place

_KEPT_BAD_ROWS = 1000
_SHOWN_NAMES = 30


@dataclass(slots=True)
class ImportReport:
    """What was written, and what was not: skipped rows, exact repeats, damaged codes, columns that no field takes."""

    n_pairs: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    n_skipped: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    n_repeats: int = 0
    codes_restored: Counter[str] = field(default_factory=Counter)
    codes_dropped: Counter[str] = field(default_factory=Counter)
    unused_columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The report as JSON values; ``bad_rows`` holds at most the first thousand."""
        return {
            "n_pairs": self.n_pairs,
            "labels": dict(self.labels),
            "n_skipped": self.n_skipped,
            "bad_rows": [{"line": bad.line, "reason": bad.reason} for bad in self.bad_rows],
            "n_repeats": self.n_repeats,
            "codes_restored": dict(self.codes_restored),
            "codes_dropped": dict(self.codes_dropped),
            "unused_columns": list(self.unused_columns),
        }


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
    if out.resolve() == path.resolve():
        raise DataError(f"{str(out)!r} is the file that is read: choose another name to write to")
    report = ImportReport()
    steps = _Import(path, mapping, base, on_bad_row, report)
    report.unused_columns = steps.check_columns()
    rows = steps.row_pairs(labels or {})
    columns = pair_columns(_written_fields(mapping))
    write_pair_stream(out, steps.pairs(rows), columns)
    for reader in (*rows.sides.values(), *steps.readers):
        report.codes_restored.update({damage.value: n for damage, n in reader.codes.restored.items()})
        report.codes_dropped.update({damage.value: n for damage, n in reader.codes.dropped.items()})
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
                _require(self._base / side.table, side.file or FileLayout(), own)
            wanted += [side.key] if side.table else own
        return _require(self._path, self._mapping.file, wanted)

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
            first = f"; the first is bad: {self._report.bad_rows[0].reason}" if self._report.bad_rows else ""
            raise DataError(f"{str(self._path)!r} has no good row below its header{first}")

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
        if self._on_bad_row == "stop":
            raise DataError(f"{place(path, layout, line)}, {reason} (or skip bad rows: --on-bad-row skip)")
        self._report.n_skipped += 1
        if len(self._report.bad_rows) < _KEPT_BAD_ROWS:
            self._report.bad_rows.append(BadRow(line, reason))


def _require(path: Path, layout: FileLayout, wanted: Sequence[str]) -> tuple[str, ...]:
    names = header_names(path, layout)
    if names is None:
        return ()
    absent = next((column for column in wanted if column and column not in names), None)
    if absent is not None:
        shown = ", ".join(map(repr, names[:_SHOWN_NAMES]))
        raise DataError(f"{str(path)!r} has no column {absent!r}; present: {shown}; correct the mapping")
    return tuple(name for name in names if name not in wanted)


def _written_fields(mapping: Mapping) -> Iterator[str]:
    yield from ("pair_id", *(name for name in ("relation", "factor", "split") if getattr(mapping.pair, name)))
    if mapping.pair.label:
        yield "gold_label"
    for name in SIDES:
        side: SideMapping = getattr(mapping, name)
        fields = {"id", *(known for known, column in side.columns.items() if column)}
        yield from (f"{name}_{known}" for known in fields | ({"currency"} if "price" in fields else set()))
        yield from (f"{name}_{ATTRIBUTE_PREFIX}{attribute}" for attribute in side.attributes)
