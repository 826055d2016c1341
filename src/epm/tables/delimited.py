"""Delimited text (CSV, TSV and their kin): rows of cells, and a guess at the delimiter and the quote."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epm.errors import DataError
from epm.files.bounds import current_bounds, long_cell, long_line
from epm.tables.cells import GridRow
from epm.tables.columns import is_usual_name
from epm.tables.container import opened
from epm.tables.mapping import FileLayout

_DELIMITERS = (";", ",", "\t", "|")
_DECLARED = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_NO_TEXT = re.compile("[\udc80-\udcff]")
_JUDGED_ROWS = 200
_JUDGED_CELLS = 1000
"""Of each row: among a thousand columns some are called as usual, and a line of marks would cost seconds a delimiter."""
_LONG_CELL = "holds a cell beyond the bound"
_MIN_CONSISTENT = 0.5
_HEADER_ROWS = 30


@dataclass(frozen=True, slots=True)
class Dialect:
    """A delimiter and a quote (empty for none) that cut a text into rows of one width."""

    delimiter: str
    quote: str


def grid_rows(path: Path, layout: FileLayout) -> Iterator[GridRow]:
    """The rows of the file, blank ones too; ``line`` is where a row starts, for cells may hold line breaks.

    Raises:
        DataError: a damaged container, or an encoding that cannot go on after a wrong byte.
    """
    try:
        # escaped bytes go through the reader as half surrogates, so that the very cell they stand in can be named
        with opened(path) as stream, io.TextIOWrapper(stream, layout.encoding, errors="surrogateescape", newline="") as text:
            lines = _bounded_lines(path, text)
            for row in _parsed(lines, Dialect(layout.delimiter, layout.quote), layout.encoding, is_strict=True):
                if row.problem == _LONG_CELL:
                    # what follows could be the inside of the cell, so nothing of it is read
                    raise DataError(f"{str(path)!r}, line {row.line}: {long_cell()}")
                yield row
    except UnicodeError as error:
        raise DataError(
            f"{str(path)!r} is no {layout.encoding} text ({error}); set file.encoding in the mapping to its true encoding"
        ) from error


def guess_dialect(sample: str, *, is_whole: bool) -> Dialect | None:
    """The delimiter and quote under which the sample falls into the most even rows, or ``None`` if it has one column only."""
    declared = _DECLARED.match(sample)
    if declared is not None:
        return Dialect(declared.group(1), '"')
    best, best_score = None, (0.0, 0, 0)
    for delimiter in _DELIMITERS:
        for quote in _quotes(sample, delimiter):
            score = _evenness(sample, Dialect(delimiter, quote), is_whole=is_whole)
            if score > best_score:
                best, best_score = Dialect(delimiter, quote), score
    return best


def broken_quotes(sample: str, delimiter: str) -> GridRow | None:
    """The first row whose double quotes do not pair, if the sample has one."""
    rows = _parsed(io.StringIO(sample, newline=""), Dialect(delimiter, '"'), "utf-8", is_strict=True)
    return next((row for row in rows if row.problem is not None), None)


def _quotes(sample: str, delimiter: str) -> Iterator[str]:
    yield '"'
    # an apostrophe encloses cells only where it does so at least once: otherwise it stands in words
    if re.search(rf"(?:^|{re.escape(delimiter)})'[^'\n]*'(?:{re.escape(delimiter)}|\r?$)", sample, re.MULTILINE):
        yield "'"
    yield ""


def _evenness(sample: str, dialect: Dialect, *, is_whole: bool) -> tuple[float, int, int]:
    """The share of rows of the usual width, the most usual column names that one row holds, and the width."""
    rows = []
    for row in _parsed(io.StringIO(sample, newline=""), dialect, "utf-8", is_strict=True):
        rows.append(row)
        if len(rows) > _JUDGED_ROWS:
            break
    else:
        rows = rows if is_whole else rows[:-1]
    widths = Counter(len(row.cells) for row in rows if row.n_filled > 1)
    if not widths:
        return (0.0, 0, 0)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    # blank rows say nothing; a row that stays in one piece speaks against the delimiter, and so do broken quotes
    n_judged = sum(row.n_filled > 0 or row.problem is not None for row in rows)
    share = count / n_judged
    # every title may hold the same number of another mark, but that mark does not cut the header into names
    n_usual = max(sum(map(is_usual_name, row.cells[:_JUDGED_CELLS])) for row in rows[:_HEADER_ROWS])
    return (round(share, 2), n_usual, width) if width > 1 and share >= _MIN_CONSISTENT else (0.0, 0, 0)


def _bounded_lines(path: Path, text: io.TextIOBase) -> Iterator[str]:
    bound = current_bounds().max_line_bytes
    number = 0
    while line := text.readline(bound + 1):
        number += 1
        if len(line) > bound:
            raise DataError(f"{str(path)!r}, line {number}: {long_line(len(line))}")
        yield line


def _parsed(text: Iterator[str] | io.TextIOBase, dialect: Dialect, encoding: str, *, is_strict: bool) -> Iterator[GridRow]:
    csv.field_size_limit(current_bounds().max_cell_chars)
    # strict: otherwise a quote that is never closed would swallow the rest of the file without a word
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    reader = csv.reader(
        text, delimiter=dialect.delimiter, quotechar=dialect.quote or '"', quoting=quoting, strict=is_strict, skipinitialspace=bool(dialect.quote)
    )  # fmt: skip
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if "field limit" in str(error):
                yield GridRow(start, (), _LONG_CELL)
                continue
            through = f" and runs to line {reader.line_num}" if reader.line_num > start else ""
            yield GridRow(
                start,
                (),
                f"has broken quotes ({error}){through}; close the quote, double the ones inside, or set file.quote in the mapping",
            )
            continue
        if cells is None:
            return
        yield GridRow(start, tuple(cells), _undecoded(cells, encoding))


def _undecoded(cells: list[str], encoding: str) -> str | None:
    for i, cell in enumerate(cells, start=1):
        if not cell.isascii() and (found := _NO_TEXT.search(cell)) is not None:
            byte = ord(found.group()) - 0xDC00
            around = _NO_TEXT.sub("\ufffd", cell[max(0, found.start() - 15) : found.start() + 15])
            return f"cell {i}, {around!r}: byte 0x{byte:02x} is no {encoding}; set file.encoding in the mapping (epm data inspect guesses it), or mend the cell"
    return None
