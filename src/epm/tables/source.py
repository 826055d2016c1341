"""A table of any format as named rows, and as much of its head as is needed to guess its layout."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from epm.errors import DataError
from epm.files.bounds import refuse_many_columns
from epm.files.raw import RawRow
from epm.tables import delimited, records, workbook
from epm.tables.cells import GridRow
from epm.tables.columns import is_usual_name
from epm.tables.container import Head, read_head, table_format
from epm.tables.encoding import guess_encoding
from epm.tables.header import column_names, find_header
from epm.tables.mapping import FileLayout

SAMPLE_BYTES = 4 << 20
_FORMAT_BYTES = 1 << 16
_HEADER_SEARCH_ROWS = 200
_MIN_USUAL = 2
_GRIDS = {"delimited": delimited.grid_rows, "xlsx": workbook.grid_rows}


@dataclass(frozen=True, slots=True)
class LayoutGuess:
    """A layout, and in words how its parts were found; ``doubts`` are those that people should look at."""

    layout: FileLayout
    found: tuple[str, ...]
    doubts: tuple[str, ...]


def named_rows(path: Path, layout: FileLayout) -> Iterator[RawRow]:
    """The rows below the header, cells by column name; blank rows are passed over.

    Raises:
        DataError: the file is of another format than the layout says, has no such header, or is damaged.
    """
    actual = table_format(path, read_head(path, _FORMAT_BYTES))
    if actual != layout.format:
        raise DataError(
            f"{str(path)!r} is {actual}, but the mapping says {layout.format!r}: set file.format, or write a mapping with: epm data inspect"
        )
    if layout.format == "jsonl":
        yield from records.json_rows(path)
    elif layout.format == "parquet":
        yield from records.parquet_rows(path)
    else:
        yield from _below_header(path, _GRIDS[layout.format](path, layout), layout)


def header_names(path: Path, layout: FileLayout) -> tuple[str, ...] | None:
    """The columns that a file's header names; ``None`` for JSON Lines, where every record names its own."""
    if layout.format == "jsonl":
        return None
    if layout.format == "parquet":
        return records.parquet_names(path)
    return column_names(_header(path, _GRIDS[layout.format](path, layout), layout))


def guess_layout(path: Path, *, sheet: str = "") -> LayoutGuess:
    """The likely layout of a file, from its first bytes.

    Raises:
        DataError: no table that can be read; says what it is instead.
    """
    head = read_head(path, SAMPLE_BYTES)
    kind = table_format(path, head)
    if kind in {"jsonl", "parquet"}:
        return LayoutGuess(FileLayout(format=kind), (kind,), ())
    if kind == "xlsx":
        return _guess_book(path, sheet)
    guess = _guess_text(path, head)
    rows = list(islice(delimited.grid_rows(path, guess.layout), _HEADER_SEARCH_ROWS))
    refuse_many_columns(path, max((len(row.cells) for row in rows), default=0))
    lines = find_header(rows)
    if not lines:
        shown = next((" | ".join(row.cells)[:120] for row in rows if row.n_filled), "nothing")
        raise DataError(
            f"{str(path)!r} has no header: none of its first rows holds column names (the first holds {shown!r}); add a row of names"
        )
    return _with_header(guess, lines)


def place(path: Path, layout: FileLayout, line: int) -> str:
    """Where a row stands, in the words of its format."""
    word = "line" if layout.format in {"delimited", "jsonl"} else "row"
    sheet = f", sheet {layout.sheet!r}" if layout.sheet else ""
    return f"{str(path)!r}{sheet}, {word} {line}"


def _with_header(guess: LayoutGuess, lines: tuple[int, ...]) -> LayoutGuess:
    where = f"header in line {lines[0]}" if len(lines) == 1 else f"merged header in lines {lines[0]} and {lines[1]}"
    return LayoutGuess(guess.layout.model_copy(update={"header_rows": lines}), (*guess.found, where), guess.doubts)


def _guess_book(path: Path, sheet: str) -> LayoutGuess:
    """The layout of the asked sheet; without one, of the first whose header holds usual names, else of the first that has a header."""
    heads = workbook.sheet_heads(path, _HEADER_SEARCH_ROWS)
    if sheet and sheet not in heads:
        raise workbook.no_sheet(path, sheet, heads)
    headers: dict[str, tuple[int, ...]] = {}
    chosen = ""
    for name, rows in heads.items():
        if name != (sheet or name):
            continue
        headers[name] = find_header(rows)
        header = [row for row in rows if row.line in headers[name]]
        if header and sum(map(is_usual_name, column_names(header))) >= _MIN_USUAL:
            chosen = name
            break
    chosen = chosen or next((name for name, lines in headers.items() if lines), "")
    if not chosen:
        shown = ", ".join(map(repr, headers))
        raise DataError(f"{str(path)!r} has no header: no first row holds column names (sheets looked at: {shown}); add a row of names")
    others = [name for name in heads if name != chosen]
    doubts = () if sheet or not others else (f"sheet {chosen!r} was taken; others: {', '.join(map(repr, others))} (choose with --sheet)",)
    return _with_header(LayoutGuess(FileLayout(format="xlsx", sheet=chosen), ("xlsx", f"sheet {chosen!r}"), doubts), headers[chosen])


def _guess_text(path: Path, head: Head) -> LayoutGuess:
    encoding = guess_encoding(head.content, is_whole=head.is_whole)
    decoder = codecs.getincrementaldecoder(encoding.name)("replace")
    sample = decoder.decode(head.content, final=head.is_whole)
    dialect = delimited.guess_dialect(sample, is_whole=head.is_whole)
    if dialect is None:
        raise DataError(
            f"{str(path)!r} has one column only: no delimiter ; , tab or | cuts its rows evenly (another one can be named in a first line of its own: sep=~); "
            "pairs need two titles, listings a title and one column more"
        )
    layout = FileLayout(format="delimited", encoding=encoding.name, delimiter=dialect.delimiter, quote=dialect.quote)
    doubts = [] if encoding.is_sure else [f"encoding {encoding.name} is a guess ({encoding.reason}); look at the letters below"]
    broken = None if dialect.quote else delimited.broken_quotes(sample, dialect.delimiter)
    if broken is not None:
        doubts.append(f"quotes are read as plain text, because line {broken.line} {broken.problem}")
    quote = "" if dialect.quote == '"' else f", quote {dialect.quote!r}" if dialect.quote else ", no quotes"
    return LayoutGuess(layout, (f"encoding {encoding.name} ({encoding.reason})", f"delimiter {dialect.delimiter!r}{quote}"), tuple(doubts))


def _below_header(path: Path, rows: Iterator[GridRow], layout: FileLayout) -> Iterator[RawRow]:
    header = _header(path, rows, layout)
    names = column_names(header)
    for row in rows:
        if row.problem is not None:
            yield RawRow(row.line, None, row.problem)
        elif row.n_filled:
            yield _named(row, names, header[-1], is_ragged=layout.format == "xlsx")


def _header(path: Path, rows: Iterator[GridRow], layout: FileLayout) -> list[GridRow]:
    """The header's rows, with the iterator left behind them."""
    header: list[GridRow] = []
    for row in rows:
        if row.line in layout.header_rows:
            if row.problem is not None:
                raise DataError(f"{place(path, layout, row.line)}, the header, {row.problem}")
            refuse_many_columns(path, len(row.cells))
            header.append(row)
        if row.line >= layout.header_rows[-1]:
            break
    if len(header) != len(layout.header_rows) or not column_names(header):
        raise DataError(f"{str(path)!r} has no header in line {layout.header_rows[-1]}; set file.header_rows in the mapping")
    return header


def _named(row: GridRow, names: tuple[str, ...], header: GridRow, *, is_ragged: bool) -> RawRow:
    extra = next(((i, cell) for i, cell in enumerate(row.cells[len(names) :], start=len(names) + 1) if cell.strip()), None)
    if extra is not None:
        return RawRow(
            row.line, None,
            f"has a cell {extra[0]}, {extra[1][:60]!r}, but the header has {len(names)} columns; quote cells that hold the delimiter",
        )  # fmt: skip
    if len(row.cells) < len(names) and not is_ragged:
        return RawRow(
            row.line, None,
            f"has {len(row.cells)} cells, but the header has {len(names)} columns (the row ends at {row.cells[-1][:60]!r}); "
            "a line break inside a cell needs quotes around the cell",
        )  # fmt: skip
    if [cell.strip() for cell in row.cells] == [cell.strip() for cell in header.cells]:
        return RawRow(row.line, None, f"repeats the header ({row.cells[0][:40]!r}, …); remove the row")
    return RawRow(row.line, dict(zip(names, row.cells, strict=False)))
