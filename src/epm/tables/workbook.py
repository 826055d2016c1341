"""XLSX workbooks: the rows of one sheet as text, with what a cell shows by its number format and would lose as a bare number."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zipfile import BadZipFile

from epm.errors import DataError
from epm.tables.cells import GridRow, PlainNumber, cell_text
from epm.tables.mapping import FileLayout

if TYPE_CHECKING:
    from openpyxl import Workbook

_ZEROS = re.compile(r"0{2,18}")
_CURRENCY = re.compile(r"\[\$([^\]\-]{1,4})[^\]]*\]|\"\s*([^\"\d\s]{1,4})\s*\"|([€£$¥₩])")
_MAX_COLUMNS = 1024
"""A stray cell at the far right would otherwise widen every row to 16,384 cells."""


class _Cell(Protocol):
    value: object
    number_format: str


def sheet_names(path: Path) -> tuple[str, ...]:
    """The names of the sheets, in order; raises like :func:`grid_rows`."""
    with _opened(path) as book:
        return tuple(sheet.title for sheet in book.worksheets)


def grid_rows(path: Path, layout: FileLayout) -> Iterator[GridRow]:
    """The rows of the layout's sheet (the first if it names none), read one by one.

    Raises:
        DataError: no readable workbook, a sheet that does not exist, or none at all.
    """
    with _opened(path) as book:
        names = [sheet.title for sheet in book.worksheets]
        if not names or (layout.sheet and layout.sheet not in names):
            shown = ", ".join(map(repr, names)) or "none"
            raise DataError(f"{str(path)!r} has no sheet {layout.sheet!r}; present: {shown}; set file.sheet in the mapping")
        sheet = book[layout.sheet or names[0]]
        sheet.reset_dimensions()  # programs write wrong ones, which would cut rows off
        for number, cells in enumerate(sheet.iter_rows(max_col=_MAX_COLUMNS), start=1):
            yield GridRow(number, _trimmed([_shown(cell) for cell in cells]))


@contextmanager
def _opened(path: Path) -> Iterator[Workbook]:
    from openpyxl import load_workbook

    try:
        # the stream, not the name: openpyxl refuses endings it does not know
        with path.open("rb") as stream:
            # openpyxl warns of styles and extensions it does not know; they do not touch the cells
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = load_workbook(stream, read_only=True, data_only=True)
            try:
                yield book
            finally:
                book.close()
    except (BadZipFile, KeyError, ValueError, SyntaxError, EOFError) as error:  # a broken part inside the archive
        raise DataError(f"{str(path)!r} is a damaged workbook ({str(error)[:120]}); open it and save it again as .xlsx") from error
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}; give the path of a readable file") from error


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
