"""A mapped table written as a clean table of listings, row by row: what ``epm block`` reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from epm.files.listings import listing_columns, write_listings
from epm.files.overwriting import refuse_overwriting
from epm.files.pairs import OnBadRow
from epm.files.rows import ATTRIBUTE_PREFIX, RowError
from epm.listing import Listing
from epm.tables.import_report import TableReport, unused_columns
from epm.tables.mapping import ListingColumns, ListingMapping
from epm.tables.pair_rows import ListingCells
from epm.tables.repeats import ListingRepeats
from epm.tables.source import named_rows


@dataclass(slots=True)
class ListingReport(TableReport):
    """What was written as listings, and what was left out; ``n_made_ids`` of them got an id of their content."""

    n_listings: int = 0
    n_made_ids: int = 0

    def to_json(self) -> dict[str, object]:
        """The report as JSON values."""
        return {"n_listings": self.n_listings, "n_made_ids": self.n_made_ids, **self.shared_json()}


def import_listings(path: Path, out: Path, *, mapping: ListingMapping, on_bad_row: OnBadRow = "stop") -> ListingReport:
    """What became of a table that is written to ``out`` as listings, each once.

    Args:
        path: the table of listings.
        out: a ``.jsonl``, ``.jsonl.gz``, ``.csv`` or ``.parquet`` file.
        mapping: how the table is read.
        on_bad_row: ``stop`` at the first bad row, or ``skip`` bad rows and count them.

    Raises:
        DataError: a file cannot be read or written, a mapped column is absent, or a row is bad under ``stop``; names the cell.
    """
    refuse_overwriting(out, [path])
    columns = mapping.listing
    report = ListingReport(unused_columns=unused_columns(path, mapping.file, [*columns.columns.values(), *columns.attributes.values()]))
    reader = ListingCells(columns, mapping.file, mapping.damaged_identifiers)
    write_listings(out, _listings(path, mapping, reader, on_bad_row, report), listing_columns(_written_fields(columns)))
    report.count_cells(reader)
    return report


def _listings(path: Path, mapping: ListingMapping, reader: ListingCells, on_bad_row: OnBadRow, report: ListingReport) -> Iterator[Listing]:
    repeats = ListingRepeats()
    for row in named_rows(path, mapping.file):
        try:
            parsed = reader.parsed(row)
            is_new = repeats.is_new(parsed, row.line)
        except RowError as error:
            report.refuse((path, mapping.file, row.line), str(error), on_bad_row)
            continue
        if not is_new:
            report.n_repeats += 1
            continue
        report.n_listings += 1
        report.n_made_ids += not parsed.has_own_id
        yield parsed.listing
    if not report.n_listings:
        raise report.no_good_row(path)


def _written_fields(columns: ListingColumns) -> Iterator[str]:
    yield from columns.columns
    if "price" in columns.columns:
        yield "currency"
    yield from (f"{ATTRIBUTE_PREFIX}{attribute}" for attribute in columns.attributes)
