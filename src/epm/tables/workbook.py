"""XLSX workbooks: the rows of one sheet as text, with what a cell shows by its number format and would lose as a bare number."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zipfile import BadZipFile, ZipFile

from epm.errors import DataError
from epm.tables.cells import GridRow, PlainNumber, Uncomputed, cell_text
from epm.tables.mapping import FileLayout

if TYPE_CHECKING:
    from openpyxl import Workbook

_ZEROS = re.compile(r"0{2,18}")
_CURRENCY = re.compile(r"\[\$([^\]\-]{1,4})[^\]]*\]|\"\s*([^\"\d\s]{1,4})\s*\"|([€£$¥₩])")
_NO_VALUE = re.compile(rb"(?:</f>|<f[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>|</c>)")
_BLOCK_BYTES = 1 << 20
_OVERLAP_BYTES = 64
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
        if not _lacks_values(path):
            yield from _values(book, name)
            return
        # values and formulas cannot be had in one reading, so the second is made only where a value is missing
        with _opened(path, is_computed=False) as formulas:
            for number, (cells, written) in enumerate(zip(_rows(book, name), _rows(formulas, name), strict=True), start=1):
                yield GridRow(number, _trimmed([_shown_or_formula(cell, other) for cell, other in zip(cells, written, strict=True)]))


def _values(book: Workbook, name: str) -> Iterator[GridRow]:
    for number, cells in enumerate(_rows(book, name), start=1):
        yield GridRow(number, _trimmed([_shown(cell) for cell in cells]))


def _rows(book: Workbook, name: str) -> Iterator[Sequence[_Cell]]:
    sheet = book[name]
    sheet.reset_dimensions()  # programs write wrong ones, which would cut rows off
    return iter(sheet.iter_rows(max_col=_MAX_COLUMNS))


def _lacks_values(path: Path) -> bool:
    """True if a sheet has a formula without a value, as programs write it that do not compute."""
    with ZipFile(path) as archive:
        for name in archive.namelist():
            if not (name.startswith("xl/worksheets/") and name.endswith(".xml")):
                continue
            with archive.open(name) as part:
                kept = b""
                while block := part.read(_BLOCK_BYTES):
                    if _NO_VALUE.search(kept + block):
                        return True
                    kept = block[-_OVERLAP_BYTES:]
    return False


@contextmanager
def _opened(path: Path, *, is_computed: bool = True) -> Iterator[Workbook]:
    from openpyxl import load_workbook

    try:
        # the stream, not the name: openpyxl refuses endings it does not know
        with path.open("rb") as stream:
            # openpyxl warns of styles and extensions it does not know; they do not touch the cells
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = load_workbook(stream, read_only=True, data_only=is_computed)
            try:
                yield book
            finally:
                book.close()
    except (BadZipFile, KeyError, ValueError, SyntaxError, EOFError) as error:  # a broken part inside the archive
        raise DataError(f"{str(path)!r} is a damaged workbook ({str(error)[:120]}); open it and save it again as .xlsx") from error
    except OSError as error:
        if error.errno is None:  # openpyxl says so when the archive holds no workbook it knows
            raise DataError(f"{str(path)!r} is a damaged workbook ({str(error)[:120]}); open it and save it again as .xlsx") from error
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error


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
    style = cell.number_format or "General"
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
