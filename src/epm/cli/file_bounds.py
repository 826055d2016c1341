"""The options that raise the bounds of input files: of the program, so that every command that reads a file has them.

epm --max-columns 60000 data inspect wide.csv
"""

from __future__ import annotations

from typing import Annotated

import typer

from epm.files.bounds import FileBounds

_MAX_LINE_KB = 2**20
"""One GiB: a line is held whole, and as Python text it takes up to four times as much."""

UnpackedOption = Annotated[
    int | None, typer.Option("--max-unpacked-mb", min=1, help="Read packed input files that unpack to at most this many MB.")
]
LineOption = Annotated[
    int | None, typer.Option("--max-line-kb", min=1, max=_MAX_LINE_KB, help="Longest line read of an input file, in kB.")
]
CellOption = Annotated[
    int | None, typer.Option("--max-cell-kb", min=1, max=_MAX_LINE_KB, help="Longest cell read, in thousands (1,024) of characters.")
]
ColumnsOption = Annotated[int | None, typer.Option("--max-columns", min=1, help="Most columns read of an input file.")]


def file_bounds(unpacked_mb: int | None, line_kb: int | None, cell_kb: int | None, columns: int | None) -> FileBounds:
    """The bounds that the options ask for; the usual one where an option was not given."""
    usual = FileBounds()
    return FileBounds(
        max_unpacked_bytes=None if unpacked_mb is None else unpacked_mb << 20,
        max_line_bytes=usual.max_line_bytes if line_kb is None else line_kb << 10,
        max_cell_chars=usual.max_cell_chars if cell_kb is None else cell_kb << 10,
        max_columns=usual.max_columns if columns is None else columns,
    )
