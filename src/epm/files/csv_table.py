"""Pairs as CSV: comma-separated, quoted as in RFC 4180, one header line of flat column names.

Text is written exactly as it is, so that reading gives the same pairs: such a file is for programs. A spreadsheet may
run a cell that starts with ``=`` as a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from epm.errors import DataError
from epm.files.bounds import current_bounds, long_cell
from epm.files.raw import ColumnCheck, RawRow, TextLine, require_pair_columns, text_lines


def read_rows(path: Path, *, require: ColumnCheck = require_pair_columns) -> Iterator[RawRow]:
    """The rows below the header; ``line`` is where a row starts, for cells may hold line breaks.

    Raises:
        DataError: no usable header, or text that is not UTF-8 (after which cells cannot be told apart).
    """
    csv.field_size_limit(current_bounds().max_cell_chars)
    with path.open("rb") as stream:
        # strict: otherwise a quote that is never closed would swallow the rest of the file without a word
        reader = csv.reader(_texts(path, text_lines(stream)), strict=True)
        try:
            header = next(reader, None)
        except csv.Error as error:
            refuse_long_cell(path, 1, error)
            raise DataError(f"{str(path)!r}, line 1: no CSV header ({error}); write column names separated by commas") from error
        if header is None:
            return
        require(path, header)
        yield from _rows(path, reader, header)


def write_rows(stream: BinaryIO, rows: Iterable[dict[str, object]], columns: Sequence[str]) -> None:
    """Write a header and one line of cells for each row; missing values are empty cells."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    # all cells are quoted: a bare carriage return inside an unquoted cell would end the row for other readers
    writer = csv.DictWriter(text, columns, restval="", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    text.detach()


def refuse_long_cell(path: Path, line: int, error: csv.Error) -> None:
    """Nothing, where the csv module's error is another one than a cell beyond the bound.

    Raises:
        DataError: it is that one; what follows in the file could be the inside of the cell, so no row of it is read.
    """
    if "field limit" in str(error):
        raise DataError(f"{str(path)!r}, line {line}: {long_cell()}") from error


def _texts(path: Path, lines: Iterable[TextLine]) -> Iterator[str]:
    for line in lines:
        if line.problem is not None:
            raise DataError(f"{str(path)!r}, line {line.number}: {line.problem}")
        yield line.text


def _rows(path: Path, reader: Iterator[list[str]], header: list[str]) -> Iterator[RawRow]:
    while True:
        start = reader.line_num + 1  # type: ignore[attr-defined]  # csv.reader has it, its abstract type does not
        try:
            cells = next(reader, None)
        except csv.Error as error:
            refuse_long_cell(path, start, error)
            yield RawRow(start, None, f"broken CSV ({error}); close or double its quotes")
            continue
        if cells is None:
            return
        if cells and len(cells) != len(header):
            yield RawRow(start, None, f"has {len(cells)} cells, but the header has {len(header)}; quote cells that hold commas")
        elif cells:
            yield RawRow(start, dict(zip(header, cells, strict=True)))
