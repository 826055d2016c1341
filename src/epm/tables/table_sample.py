"""The first rows of someone's table: how they are filled, and which codes in them a spreadsheet damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import asdict, dataclass
from pathlib import Path

from epm.errors import DataError
from epm.files.bounds import refuse_many_columns
from epm.files.raw import RawRow
from epm.tables.mapping import DecimalStyle, FileLayout, ListingColumns
from epm.tables.pair_rows import CODE_FIELDS
from epm.tables.prices import guess_decimal, is_price, is_refused
from epm.tables.source import guess_layout, header_names, named_rows
from epm.tables.spreadsheet import Damage, restore_code

SAMPLE_ROWS = 10_000
N_SHOWN = 3
_SHOWN_CHARS = 40
_SAMPLE_CHARS = 16 << 20
_CELL_CHARS = 4
"""What a cell counts beside its text: four million empty ones take as much memory as the texts may."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a table; ``is_whole`` if there are no more."""

    path: Path
    layout: FileLayout
    names: tuple[str, ...]
    rows: tuple[RawRow, ...]
    is_whole: bool
    found: tuple[str, ...]
    doubts: tuple[str, ...]

    def cells(self, column: str) -> Iterator[tuple[int, str]]:
        """The filled cells of a column with their lines."""
        missing = {word.casefold() for word in self.layout.missing}
        for row in self.rows:
            value = row.values.get(column) if row.values else None
            if isinstance(value, str) and value.strip() and value.strip().casefold() not in missing:
                yield row.line, value


@dataclass(frozen=True, slots=True)
class ColumnFill:
    """How many of the ``n`` sampled rows fill a column, where the mapping puts it (empty for nowhere), and its first cell."""

    file: str
    column: str
    place: str
    n_filled: int
    n: int
    example: str


@dataclass(frozen=True, slots=True)
class DamagedColumn:
    """Codes of one column that a spreadsheet damaged in one way, with the first cells as (line, value)."""

    file: str
    column: str
    damage: Damage
    is_restored: bool
    n: int
    first: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look at any table finds; figures are of the sample, which is the whole table if its ``is_whole`` says so."""

    sample: Sample
    doubts: tuple[str, ...]
    fills: tuple[ColumnFill, ...]
    damaged: tuple[DamagedColumn, ...]
    n_repeats: int
    n_bad: int
    first_bad: tuple[tuple[int, str], ...]

    def shared_json(self) -> dict[str, object]:
        """The findings that every kind of table has, as JSON values."""
        return {
            "path": str(self.sample.path),
            "n_rows": len(self.sample.rows),
            "is_whole": self.sample.is_whole,
            "found": list(self.sample.found),
            "doubts": list(self.doubts),
            "columns": [asdict(fill) for fill in self.fills],
            "damaged": [asdict(found) for found in self.damaged],
            "n_repeats": self.n_repeats,
            "n_bad": self.n_bad,
            "first_bad": [{"line": line, "reason": reason} for line, reason in self.first_bad],
        }


def read_sample(path: Path, *, sheet: str = "") -> Sample:
    """The first rows of a table with its guessed layout; whatever its rows hold.

    Raises:
        DataError: the file cannot be read as a table; says what it is instead.
    """
    guess = guess_layout(path, sheet=sheet)
    rows: list[RawRow] = []
    n_chars = 0
    is_whole = True
    for row in named_rows(path, guess.layout):
        if len(rows) == SAMPLE_ROWS or n_chars > _SAMPLE_CHARS:
            is_whole = False
            break
        rows.append(row)
        n_chars += _CELL_CHARS * len(row.values or {}) + sum(len(str(value)) for value in (row.values or {}).values())
    names = header_names(path, guess.layout)
    if names is None and rows and all(row.values is None for row in rows):
        raise DataError(f"{str(path)!r} has no readable row; line {rows[0].line}: {rows[0].problem}")
    if names is None:
        names = tuple(dict.fromkeys(name for row in rows for name in row.values or {}))
    refuse_many_columns(path, len(names))
    return Sample(path, guess.layout, names, tuple(rows), is_whole, guess.found, guess.doubts)


def decimal_style(sample: Sample, price_column: str) -> DecimalStyle:
    """How the prices of a column are best read."""
    guess = guess_decimal(cell for _, cell in sample.cells(price_column))
    return "mixed" if guess.is_sure and guess.n_against else guess.mark


def price_doubts(sample: Sample, price_column: str, *, section: str, decimal: DecimalStyle) -> Iterator[str]:
    """What to look at where a column of prices holds both decimal marks, or none that tells, or words."""
    guess = guess_decimal(cell for _, cell in sample.cells(price_column))
    if guess.n_against or not guess.is_sure:
        fits = f"decimal mark {guess.mark!r} fits {guess.n_for} cells, the other {guess.n_against}"
        yield f"column {price_column!r} read as {decimal!r}: {fits}; see {section}.decimal in the mapping"
    odd = [(line, cell) for line, cell in sample.cells(price_column) if not is_price(cell) and not is_refused(cell, decimal)]
    if odd:
        first = ", ".join(f"line {line} {cell[:_SHOWN_CHARS]!r}" for line, cell in odd[:N_SHOWN])
        yield f"column {price_column!r}: {len(odd)} cells are no plain price and are kept as written ({first})"


def twin_doubts(section: ListingColumns, name: str) -> Iterator[str]:
    """What to look at where only case, blanks or marks tell two columns apart: the first became a field, the other an attribute."""
    fields = {_bare(column): (field, column) for field, column in section.columns.items()}
    for column in section.attributes.values():
        if _bare(column) in fields:
            field, taken = fields[_bare(column)]
            yield f"columns {taken!r} and {column!r} are called alike: {taken!r} was taken as {name}.{field}, the other is an attribute"


def _bare(column: str) -> str:
    return re.sub(r"#\d+$|[\W_]", "", column.casefold())


def column_fills(sample: Sample, places: Map[str, str]) -> Iterator[ColumnFill]:
    """How far each column is filled, with its place in the mapping (none for columns that are not used)."""
    for name in sample.names:
        cells = [cell for _, cell in sample.cells(name)]
        yield ColumnFill(sample.path.name, name, places.get(name, ""), len(cells), len(sample.rows), cells[0] if cells else "")


def damaged_columns(sample: Sample, places: Map[str, str]) -> Iterator[DamagedColumn]:
    """The columns of codes that a spreadsheet damaged; ``places`` are those of the mapping, by column."""
    for name, at in places.items():
        known = at.rpartition(".")[2]
        if (known not in CODE_FIELDS and known != "key") or ".attributes." in at:
            continue
        found: dict[tuple[Damage, bool], list[tuple[int, str]]] = {}
        for line, cell in sample.cells(name):
            code = restore_code(cell, is_gtin=known == "gtin")
            if code.damage is not None:
                found.setdefault((code.damage, code.text is not None), []).append((line, cell))
        for (damage, is_restored), cells in found.items():
            yield DamagedColumn(sample.path.name, name, damage, is_restored, len(cells), tuple(cells[:N_SHOWN]))
