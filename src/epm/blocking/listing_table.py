"""Tables of listings and of known matches: one row a listing, one row a match.

A listing row has ``title`` and may have ``id``, ``brand``, ``gtin``, ``attributes.colour`` and so on, as one side of a pair
file; a match row has ``left`` and ``right``, the ids of the listings. JSON Lines, CSV and Parquet, by the name's ending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from epm.blocking.recall import Match
from epm.errors import DataError
from epm.files import csv_table, json_lines, parquet_table
from epm.files.pairs import place
from epm.files.raw import RawRow, require_distinct_columns
from epm.files.rows import ATTRIBUTE_PREFIX, RowError, parse_row
from epm.listing import Listing


def read_listings(path: Path) -> tuple[Listing, ...]:
    """The listings of a table in file order.

    Raises:
        DataError: the file is absent, empty, damaged or of another format, a row is bad, or an id stands twice.
    """
    found: list[Listing] = []
    line_of_id: dict[str, int] = {}
    for row in _rows(path):
        listing = _listing(path, row)
        earlier = line_of_id.setdefault(listing.id, row.line)
        if earlier != row.line:
            raise DataError(
                f"{place(path, row.line)}: repeats the id {listing.id!r} of line {earlier}; ids must be unique: change or remove one"
            )
        found.append(listing)
    if not found:
        raise DataError(f"{str(path)!r} is empty: a table needs at least one listing")
    return tuple(found)


def read_matches(path: Path, left: Sequence[Listing], right: Sequence[Listing]) -> tuple[Match, ...]:
    """The known matches as row numbers of the two tables, each once.

    Raises:
        DataError: the file cannot be read, or a row names no listing of its table.
    """
    row_of = [{listing.id: row for row, listing in enumerate(table)} for table in (left, right)]
    found: dict[Match, None] = {}
    for row in _rows(path):
        places = [_row_of(path, row, side, known) for side, known in zip(("left", "right"), row_of, strict=True)]
        found[places[0], places[1]] = None
    if not found:
        raise DataError(f"{str(path)!r} is empty: it must hold at least one match")
    return tuple(found)


def _row_of(path: Path, row: RawRow, side: str, known: Mapping[str, int]) -> int:
    values = _values(path, row)
    value = values.get(side, values.get(f"{side}_id"))
    if value is None:
        raise DataError(
            f"{place(path, row.line)}: has no column {side!r}; present: {', '.join(map(str, values)) or 'none'}; rename or add it"
        )
    number = known.get(str(value))
    if number is None:
        raise DataError(
            f"{place(path, row.line)}: {side} {str(value)[:60]!r} is the id of no listing of the {side} table; mend or remove the row"
        )
    return number


def _listing(path: Path, row: RawRow) -> Listing:
    values = _values(path, row)
    nested = {name: value for name, value in values.items() if not name.startswith(ATTRIBUTE_PREFIX)}
    attributes = {name.removeprefix(ATTRIBUTE_PREFIX): value for name, value in values.items() if name.startswith(ATTRIBUTE_PREFIX)}
    if attributes:
        nested["attributes"] = attributes
    try:
        return parse_row({"left": nested, "right": {"title": "-"}}).pair.left
    except RowError as error:
        raise DataError(f"{place(path, row.line)}: {str(error).replace('left.', '')}") from error


def _values(path: Path, row: RawRow) -> Mapping[str, object]:
    if row.values is None:
        raise DataError(f"{place(path, row.line)}: {row.problem}")
    return row.values


def _rows(path: Path) -> Iterator[RawRow]:
    reader = next((reader for ending, reader in _READERS.items() if path.name.lower().endswith(ending)), None)
    if reader is None:
        raise DataError(f"{str(path)!r} is no table of listings: its name must end in one of {', '.join(_READERS)}")
    try:
        yield from reader(path)
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error


_READERS: Mapping[str, Callable[[Path], Iterator[RawRow]]] = {
    ".jsonl": json_lines.read_rows,
    ".jsonl.gz": json_lines.read_rows,
    ".csv": partial(csv_table.read_rows, require=require_distinct_columns),
    ".parquet": partial(parquet_table.read_rows, require=require_distinct_columns),
}
