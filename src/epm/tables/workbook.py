"""XLSX workbooks: the rows of one sheet as text, with what a cell shows by its number format and would lose as a bare number."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from errno import EINVAL
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from epm.errors import DataError, EpmError
from epm.files.bounds import current_bounds, long_cell
from epm.tables.cells import GridRow, PlainNumber, Uncomputed, cell_text
from epm.tables.mapping import FileLayout
from epm.tables.workbook_archive import lacks_values

if TYPE_CHECKING:
    from openpyxl import Workbook

_ZEROS = re.compile(r"0{2,18}")
_CURRENCY = re.compile(r"\[\$([^\]\-]{1,4})[^\]]*\]|\"\s*([^\"\d\s]{1,4})\s*\"|([€£$¥₩])")
_MAX_STYLE_CHARS = 255
"""The longest number format that a spreadsheet takes."""
_MAX_ROWS = 1_048_576
"""The rows that a sheet can have; a row that says it is the two thousand millionth would otherwise bring all before it."""
_MAX_COLUMNS = 1024
"""A stray cell at the far right would otherwise widen every row to 16,384 cells."""


class _Cell(Protocol):
    value: object
    number_format: str
    data_type: str


def sheet_heads(path: Path, n_rows: int) -> dict[str, list[GridRow]]:
    """The first rows of every sheet by its name, hidden sheets last; raises like :func:`grid_rows`."""
    # opened once for all sheets: every opening reads all texts of the book
    with _opened(path) as book:
        names = [sheet.title for sheet in sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")]
        return {name: list(islice(_values(book, name), n_rows)) for name in names}


def no_sheet(path: Path, sheet: str, names: Iterable[str]) -> DataError:
    """The error for a sheet that the book does not have."""
    shown = ", ".join(map(repr, names)) or "none"
    return DataError(f"{str(path)!r} has no sheet {sheet!r}; present: {shown}; set file.sheet in the mapping")


def grid_rows(path: Path, layout: FileLayout) -> Iterator[GridRow]:
    """The rows of the layout's sheet (the first if it names none), read one by one.

    Raises:
        DataError: no readable workbook, a sheet that does not exist, or none at all.
    """
    with _opened(path) as book:
        names = [sheet.title for sheet in book.worksheets]
        if not names or (layout.sheet and layout.sheet not in names):
            raise no_sheet(path, layout.sheet, names)
        name = layout.sheet or names[0]
        if not lacks_values(path):
            yield from _values(book, name)
            return
        # values and formulas cannot be had in one reading, so the second is made only where a value is missing
        with _opened(path, is_computed=False) as formulas:
            for number, (cells, written) in enumerate(zip(_rows(book, name), _rows(formulas, name), strict=True), start=1):
                yield _grid_row(number, [_shown_or_formula(cell, other) for cell, other in zip(cells, written, strict=True)])


def _values(book: Workbook, name: str) -> Iterator[GridRow]:
    for number, cells in enumerate(_rows(book, name), start=1):
        yield _grid_row(number, [_shown(cell) for cell in cells])


def _grid_row(number: int, cells: list[str]) -> GridRow:
    longest = max(map(len, cells), default=0)
    if longest > current_bounds().max_cell_chars:
        return GridRow(number, (), long_cell(longest))
    return GridRow(number, _trimmed(cells))


def _rows(book: Workbook, name: str) -> Iterator[Sequence[_Cell]]:
    sheet = book[name]
    sheet.reset_dimensions()  # programs write wrong ones, which would cut rows off
    rows = iter(sheet.iter_rows(max_row=_MAX_ROWS))
    while True:
        with _without_warnings():
            row = next(rows, None)
        if row is None:
            return
        # no max_col above: openpyxl would fill every blank row up to it, a thousand cells for each of a million rows
        yield row[:_MAX_COLUMNS]


@contextmanager
def _opened(path: Path, *, is_computed: bool = True) -> Iterator[Workbook]:
    from openpyxl import load_workbook

    try:
        lacks_values(path)
        # the stream, not the name: openpyxl refuses endings it does not know
        with path.open("rb") as stream:
            with _without_warnings():
                book = load_workbook(stream, read_only=True, data_only=is_computed, keep_links=False)
            try:
                yield book
            finally:
                book.close()
    except EpmError:
        raise
    except Exception as error:  # openpyxl meets damage as AttributeError, IndexError, RuntimeError and twenty others
        if isinstance(error, OSError) and error.errno not in {None, EINVAL}:  # a damaged place that is sought is "invalid"
            raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{str(path)!r} is a damaged workbook ({reason}); open it and save it again as .xlsx") from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Without the warnings of styles, extensions and dates that openpyxl does not know; they do not touch the cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _shown_or_formula(cell: _Cell, written: _Cell) -> str:
    # a formula that gives an empty text has no value either, but is marked as text
    if cell.value is None and cell.data_type == "n" and written.data_type == "f":
        return Uncomputed(getattr(written.value, "text", written.value))
    return _shown(cell)


def _shown(cell: _Cell) -> str:
    value = cell.value
    text = cell_text(value)
    if text is None or not isinstance(text, PlainNumber):
        return text or ""
    style = (cell.number_format or "General")[:_MAX_STYLE_CHARS]
    if _ZEROS.fullmatch(style) and text.isdigit():
        return PlainNumber(text.zfill(len(style)))
    if style.rstrip().endswith("%") and isinstance(value, int | float):
        return f"{value * 100:.10g}%"
    found = _CURRENCY.search(style)
    return text if found is None else PlainNumber(text, next(part for part in found.groups() if part))


def _trimmed(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1].strip():
        cells.pop()
    return tuple(cells)
