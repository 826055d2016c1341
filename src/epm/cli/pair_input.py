"""Reading a pair file for a command, with what was passed over said once on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from epm.cli.options import BadRow

if TYPE_CHECKING:
    from epm.files.pairs import PairFile

_SHOWN_BAD_ROWS = 5


def read_pair_file(path: Path, *, on_bad_row: BadRow = BadRow.STOP, limit: int | None = None) -> PairFile:
    """The pairs of a file; skipped rows and unknown columns are told on stderr.

    Raises:
        DataError: the file or, with ``stop``, one of its rows is wrong.
    """
    from epm.files.pairs import place, read_pairs

    found = read_pairs(path, on_bad_row=on_bad_row.value, limit=limit)
    for bad in found.bad_rows[:_SHOWN_BAD_ROWS]:
        typer.echo(f"{place(path, bad.line)}: skipped, {bad.reason}", err=True)
    if found.n_skipped > _SHOWN_BAD_ROWS:
        typer.echo(f"{path}: {found.n_skipped} rows skipped in all", err=True)
    if found.extra_columns:
        typer.echo(f"{path}: columns kept as extras and not compared: {', '.join(found.extra_columns)}", err=True)
    return found
