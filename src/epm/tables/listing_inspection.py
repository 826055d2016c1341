"""A first look at a table of single listings, one catalogue of the two that ``epm block`` compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from epm.files.listings import nested_listing
from epm.files.rows import RowError
from epm.listing import Listing
from epm.tables.columns import guess_listing_columns, guess_pair_columns
from epm.tables.mapping import ListingColumns, ListingMapping
from epm.tables.pair_rows import ListingCells
from epm.tables.repeats import ListingRepeats
from epm.tables.table_sample import (
    N_SHOWN,
    Findings,
    Sample,
    column_fills,
    damaged_columns,
    decimal_style,
    price_doubts,
    read_sample,
    twin_doubts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingInspection(Findings):
    """What a look at a table of listings found; ``n_made_ids`` rows have no id and will get one of their content."""

    mapping: ListingMapping
    listings: tuple[Listing, ...]
    n_made_ids: int

    def to_json(self) -> dict[str, object]:
        """The findings as JSON values; the mapping under ``mapping``."""
        return {
            "kind": self.mapping.kind,
            **self.shared_json(),
            "n_made_ids": self.n_made_ids,
            "listings": [nested_listing(listing) for listing in self.listings],
            "mapping": self.mapping.model_dump(),
        }


@dataclass(slots=True)
class _Rows:
    first: list[Listing]
    n_made_ids: int
    n_repeats: int
    bad: list[tuple[int, str]]


def inspect_listings(path: Path, *, sheet: str = "") -> ListingInspection:
    """What a table of listings seems to hold, by its first ten thousand rows.

    Args:
        path: a table whose rows are single listings.
        sheet: the sheet of a workbook; its first one if empty.

    Raises:
        DataError: the file cannot be read as a table; says what it is instead.
    """
    sample = read_sample(path, sheet=sheet)
    guess = guess_listing_columns(sample.names)
    decimal = decimal_style(sample, guess.columns.get("price", ""))
    mapping = ListingMapping(
        file=sample.layout, listing=ListingColumns(columns=guess.columns, attributes=guess.attributes, decimal=decimal)
    )
    places = {column: f"listing.{field}" for field, column in guess.columns.items()}
    places |= {column: f"listing.attributes.{attribute}" for attribute, column in guess.attributes.items()}
    rows = _rows(sample, mapping)
    return ListingInspection(
        sample=sample, mapping=mapping, doubts=tuple(_doubts(sample, mapping.listing)),
        fills=tuple(column_fills(sample, places)), damaged=tuple(damaged_columns(sample, places)),
        listings=tuple(rows.first), n_made_ids=rows.n_made_ids, n_repeats=rows.n_repeats,
        n_bad=len(rows.bad), first_bad=tuple(rows.bad[:N_SHOWN]),
    )  # fmt: skip


def _rows(sample: Sample, mapping: ListingMapping) -> _Rows:
    """The first listings, and the rows that the import would give an id, leave out or refuse."""
    found = _Rows([], 0, 0, [])
    if not mapping.listing.columns.get("title"):
        return found
    # damaged codes are counted apart, so they are no fault of their rows here
    reader, repeats = ListingCells(mapping.listing, mapping.file, "drop"), ListingRepeats()
    with_id = {line for line, _ in sample.cells(mapping.listing.columns.get("id", ""))}
    for row in sample.rows:
        try:
            parsed = reader.parsed(row)
            is_new = repeats.is_new(parsed, row.line)
        except RowError as error:
            found.bad.append((row.line, str(error)))
            continue
        found.n_repeats += not is_new
        found.n_made_ids += is_new and row.line not in with_id
        if is_new and len(found.first) < N_SHOWN:
            found.first.append(parsed.listing)
    return found


def _doubts(sample: Sample, columns: ListingColumns) -> Iterator[str]:
    yield from sample.doubts
    if not sample.rows:
        yield "the table has no row below its header"
    pairs = guess_pair_columns(sample.names)
    if "title" in pairs.left.columns and "title" in pairs.right.columns:
        titles = f"{pairs.left.columns['title']!r} and {pairs.right.columns['title']!r}"
        yield f"this looks like a table of pairs (titles {titles}); if it is one, inspect it without --listings"
    if not columns.columns.get("title"):
        yield "no column was recognised as the title; fill in listing.columns.title in the mapping"
    if not columns.columns.get("id"):
        yield "no column was recognised as the id; ids will be made from the content unless listing.columns.id is filled in"
    yield from twin_doubts(columns, "listing")
    yield from price_doubts(sample, columns.columns.get("price", ""), section="listing", decimal=columns.decimal)
