"""Tables of listings and of known matches: one row a listing, one row a match.

A listing row has ``title`` and may have ``id``, ``brand``, ``gtin``, ``attributes.colour`` and so on, as one side of a pair
file; a match row has ``left`` and ``right``, the ids of the listings, or is a row of a pair file. JSON Lines, CSV and Parquet,
by the name's ending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from epm.blocking.recall import Match
from epm.errors import DataError
from epm.files import csv_table, json_lines, parquet_table
from epm.files.pairs import place
from epm.files.raw import ColumnCheck, RawRow, present_columns, require_distinct_columns
from epm.files.rows import SIDES, ParsedListing, RowError, label_of, parse_listing
from epm.listing import Listing
from epm.relation import Label


def read_listings(path: Path) -> tuple[Listing, ...]:
    """The listings of a table in file order; a listing without an id gets one made from what it says.

    Raises:
        DataError: the file is absent, empty, damaged or of another format, a row is bad, or a listing stands twice.
    """
    found: list[Listing] = []
    line_of_id: dict[str, int] = {}
    for row in _rows(path, _require_title):
        parsed = _parsed(path, row)
        earlier = line_of_id.setdefault(parsed.listing.id, row.line)
        if earlier != row.line:
            raise DataError(f"{place(path, row.line)}: {_repeated(parsed, earlier)}")
        found.append(parsed.listing)
    if not found:
        raise DataError(f"{str(path)!r} is empty: a table needs at least one listing")
    return tuple(found)


def read_matches(path: Path, left: Sequence[Listing], right: Sequence[Listing]) -> tuple[Match, ...]:
    """The known matches as row numbers of the two tables, each once: rows labelled ``match``, or all where no row has a label.

    Raises:
        DataError: the file cannot be read, holds no match, or a row names no listing of its table.
    """
    row_of = [{listing.id: row for row, listing in enumerate(table)} for table in (left, right)]
    found: list[tuple[Match, Label | None]] = []
    for row in _rows(path, require_distinct_columns):
        values, where = _values(path, row), place(path, row.line)
        one, other = (_row_of(values, side, known, where) for side, known in zip(SIDES, row_of, strict=True))
        found.append(((one, other), _label(values, where)))
    wanted = Label.MATCH if any(label for _, label in found) else None
    matches = dict.fromkeys(match for match, label in found if label is wanted)
    if not matches:
        raise DataError(f"{str(path)!r} holds no match among {len(found)} rows: it must hold at least one")
    return tuple(matches)


def _repeated(parsed: ParsedListing, earlier: int) -> str:
    if parsed.has_own_id:
        return f"repeats the id {parsed.listing.id!r} of line {earlier}; ids must be unique: change or remove one"
    return f"says exactly what line {earlier} says, and neither has an id; remove one, or give each its own id"


def _row_of(values: Mapping[str, object], side: str, known: Mapping[str, int], where: str) -> int:
    value = values.get(side, values.get(f"{side}_id"))
    if isinstance(value, Mapping):  # a pair file holds the whole listing
        value = value.get("id")
    if not values.keys() & {side, f"{side}_id"}:
        raise DataError(f"{where}: has no column {side!r}; present: {', '.join(map(str, values)) or 'none'}; rename or add it")
    if value is None or not str(value).strip():
        raise DataError(f"{where}: has no id in column {side!r}; fill the cell or remove the row")
    number = known.get(str(value))
    if number is None:
        raise DataError(f"{where}: {side} {str(value)[:60]!r} is the id of no listing of the {side} table; mend or remove the row")
    return number


def _label(values: Mapping[str, object], where: str) -> Label | None:
    try:
        return label_of(values.get("gold_label")) or label_of(values.get("label"))
    except ValueError as error:
        raise DataError(f"{where}: label {error}") from error


def _parsed(path: Path, row: RawRow) -> ParsedListing:
    values = _values(path, row)
    if "title" not in values:
        raise DataError(f"{place(path, row.line)}: {_no_title(list(values))}")
    try:
        return parse_listing(values)
    except RowError as error:
        raise DataError(f"{place(path, row.line)}: {error}") from error


def _no_title(columns: Sequence[str]) -> str:
    return (
        f"has no column 'title'; {present_columns(columns)}; rename it, or make a table of listings of any other one: "
        "epm data inspect FILE --listings, then epm data import"
    )


def _require_title(path: Path, columns: Sequence[str]) -> None:
    require_distinct_columns(path, columns)
    if "title" not in columns:
        raise DataError(f"{str(path)!r} {_no_title(columns)}")


def _values(path: Path, row: RawRow) -> Mapping[str, object]:
    if row.values is None:
        raise DataError(f"{place(path, row.line)}: {row.problem}")
    return row.values


def _rows(path: Path, require: ColumnCheck) -> Iterator[RawRow]:
    readers: Mapping[str, Callable[[Path], Iterator[RawRow]]] = {
        ".jsonl": json_lines.read_rows,
        ".jsonl.gz": json_lines.read_rows,
        ".csv": partial(csv_table.read_rows, require=require),
        ".parquet": partial(parquet_table.read_rows, require=require),
    }
    reader = next((reader for ending, reader in readers.items() if path.name.lower().endswith(ending)), None)
    if reader is None:
        raise DataError(f"{str(path)!r} is no table of listings: its name must end in one of {', '.join(readers)}")
    try:
        yield from reader(path)
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error
