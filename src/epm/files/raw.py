"""Rows as a file holds them, before validation: the common shape of the three formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from epm.errors import DataError
from epm.files.bounds import current_bounds, long_line, refuse_many_columns

ColumnCheck = Callable[[Path, Sequence[str]], None]
"""Looks at a table's header before its rows are read, and raises a ``DataError`` for one that will not do."""
IMPORT_REMEDY = "rename or add it, or make a pair file of any table: epm data inspect FILE, then epm data import"


@dataclass(frozen=True, slots=True)
class RawRow:
    """The row that starts at a line (a row number in Parquet), either its values or why there are none."""

    line: int
    values: Mapping[str, object] | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class TextLine:
    """One decoded line with its ending; ``problem`` instead of text when it is not UTF-8."""

    number: int
    text: str
    problem: str | None = None


def text_lines(stream: BinaryIO) -> Iterator[TextLine]:
    """The lines of a UTF-8 stream, with or without a byte order mark; a line ends at a newline byte only."""
    offset = 0
    for number, (line, problem) in enumerate(_bounded_lines(stream), start=1):
        if problem is not None:
            yield TextLine(number, "", problem)
            continue
        content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        try:
            yield TextLine(number, content.decode("utf-8"))
        except UnicodeDecodeError as error:
            place = offset + len(line) - len(content) + error.start
            yield TextLine(number, "", f"is not UTF-8 at byte {place} (0x{content[error.start]:02x}); save the file as UTF-8")
        offset += len(line)


def _bounded_lines(stream: BinaryIO) -> Iterator[tuple[bytes, str | None]]:
    """The lines of a stream; of one beyond the bound only what is wrong with it, the rest of it is passed over."""
    bound = current_bounds().max_line_bytes
    while line := stream.readline(bound + 1):
        if len(line) <= bound:
            yield line, None
            continue
        n_bytes = len(line)
        while not line.endswith(b"\n") and (line := stream.readline(bound)):
            n_bytes += len(line)
        yield b"", long_line(n_bytes)


def require_distinct_columns(path: Path, columns: Sequence[str]) -> None:
    """Check the header of any table for doubled names, and for more columns than are read.

    Raises:
        DataError: naming the column.
    """
    refuse_many_columns(path, len(columns))
    doubled = sorted(name for name, n in Counter(columns).items() if n > 1)
    if doubled:
        raise DataError(f"{str(path)!r} has the column {doubled[0]!r} twice; rename one")


def require_pair_columns(path: Path, columns: Sequence[str]) -> None:
    """Check the header of a pair file for both titles and for doubled names.

    Raises:
        DataError: naming the column and those present.
    """
    require_distinct_columns(path, columns)
    for side in ("left", "right"):
        if side not in columns and f"{side}_title" not in columns:
            raise DataError(f"{str(path)!r} has no column '{side}_title'; {present_columns(columns)}; {IMPORT_REMEDY}")


def present_columns(columns: Sequence[str]) -> str:
    """The columns that a table has, for messages: at most twenty of them."""
    shown = ", ".join(repr(name[:40]) for name in columns[:20]) or "none"
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""  # noqa: PLR2004 - keeps the message on one line
    return f"present: {shown}{more}"
