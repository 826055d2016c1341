"""Reading a pair file for a command, with what was passed over said once on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.files.pairs import PairFile

_SHOWN_BAD_ROWS = 5


def read_pair_file(path: Path, *, on_bad_row: str = "stop", limit: int | None = None) -> PairFile:
    """The pairs of a file; skipped rows and unknown columns are told on stderr.

    Raises:
        ConfigError: ``on_bad_row`` is neither ``stop`` nor ``skip``.
        DataError: the file or, with ``stop``, one of its rows is wrong.
    """
    from epm.files.pairs import read_pairs

    if on_bad_row not in {"stop", "skip"}:
        raise ConfigError(f"--on-bad-row {on_bad_row!r} is not allowed: use stop or skip")
    found = read_pairs(path, on_bad_row="skip" if on_bad_row == "skip" else "stop", limit=limit)
    for bad in found.bad_rows[:_SHOWN_BAD_ROWS]:
        typer.echo(f"{path}, line {bad.line}: skipped, {bad.reason}", err=True)
    if found.n_skipped > _SHOWN_BAD_ROWS:
        typer.echo(f"{path}: {found.n_skipped} rows skipped in all", err=True)
    if found.extra_columns:
        typer.echo(f"{path}: columns kept as extras and not compared: {', '.join(found.extra_columns)}", err=True)
    return found
