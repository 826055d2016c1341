"""How much of one input file is read before it is refused: bounds against bombs, with room for honest exports.

with reading_within(FileBounds(max_columns=60_000)):
    read_pairs("wide.csv")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from epm.errors import DataError

_KIB, _MIB = 1 << 10, 1 << 20
_HONEST_RATIO = 100
"""Text exports pack 3 to 20 to 1; deflate cannot do better than 1,032 to 1. A hundred leaves exports a factor of five."""
_ALWAYS_STREAMED_BYTES = 1 << 30
"""What a stream may unpack to whatever its ratio: it is read line by line, so it costs time only."""
_ALWAYS_PARSED_BYTES = 64 << 20
"""What a workbook may unpack to whatever its ratio: its XML costs about 50 times a stream's time."""


@dataclass(frozen=True, slots=True)
class FileBounds:
    """The bounds of one file; ``max_unpacked_bytes`` of ``None`` means a hundred times what the file takes packed.

    A file that is not packed may be of any size: it is read as a stream.
    """

    max_unpacked_bytes: int | None = None
    max_line_bytes: int = 16 * _MIB
    """A listing with the whole text of its page takes some 100 kB; 16 MiB leaves room for pictures written into it."""
    max_cell_chars: int = 4 * _MIB
    """A spreadsheet's own limit is 32,767; pages kept whole take megabytes at most."""
    max_columns: int = 16_384
    """The columns that a spreadsheet can have."""


_USUAL = FileBounds()
_CURRENT: ContextVar[FileBounds] = ContextVar("epm_file_bounds", default=_USUAL)


def current_bounds() -> FileBounds:
    """The bounds in force."""
    return _CURRENT.get()


@contextmanager
def reading_within(bounds: FileBounds) -> Iterator[None]:
    """Put bounds in force for the files read inside the block."""
    token = _CURRENT.set(bounds)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def unpacked_bound(n_packed: int, *, is_parsed: bool = False) -> int:
    """How many bytes a packed file of that size may unpack to; ``is_parsed`` for XML, which costs more than a stream."""
    asked = current_bounds().max_unpacked_bytes
    if asked is not None:
        return asked
    least = _ALWAYS_PARSED_BYTES if is_parsed else _ALWAYS_STREAMED_BYTES
    return max(least, _HONEST_RATIO * n_packed)


def unpacks_too_far(path: Path, n_unpacked: int, bound: int) -> DataError:
    """The refusal of a file that unpacks beyond its bound."""
    return DataError(
        f"{str(path)!r} unpacks to {n_unpacked // _MIB:,} MB or more, but at most {bound // _MIB:,} MB are read of a file of its size; "
        "if it is no trap, raise the bound: epm --max-unpacked-mb N …"
    )


def refuse_many_columns(path: Path, n_columns: int) -> None:
    """Nothing, where a table has as many columns as are read.

    Raises:
        DataError: it has more.
    """
    if (problem := many_columns(n_columns)) is not None:
        raise DataError(f"{str(path)!r} {problem}")


def many_columns(n_columns: int) -> str | None:
    """What is wrong with a number of columns, or ``None``."""
    bound = current_bounds().max_columns
    if n_columns <= bound:
        return None
    return f"has {n_columns:,} columns, but at most {bound:,} are read; remove some, or raise the bound: epm --max-columns N …"


def long_line(n_bytes: int) -> str:
    """What is wrong with a line of that many bytes or more."""
    bound = current_bounds().max_line_bytes
    return (
        f"is a line of {n_bytes // _KIB:,} kB or more, but at most {bound // _KIB:,} kB are read; "
        "break it up, or raise the bound: epm --max-line-kb N …"
    )


def long_cell(n_chars: int | None = None) -> str:
    """What is wrong with a cell of that many characters, if they were counted."""
    bound = current_bounds().max_cell_chars
    size = "more" if n_chars is None else f"{n_chars:,}"
    return (
        f"holds a cell of {size} characters where at most {bound:,} are read (is a quote never closed?); "
        "shorten it, or raise the bound: epm --max-cell-kb N …"
    )
