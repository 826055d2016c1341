"""Reading a pair file for a command, with what was passed over said once on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from epm.cli.options import BadRow
from epm.cli.streams import note

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
        note(f"{place(path, bad.line)}: skipped, {bad.reason}")
    if found.n_skipped > _SHOWN_BAD_ROWS:
        note(f"{path}: {found.n_skipped} rows skipped in all")
    if found.extra_columns:
        note(f"{path}: columns kept as extras and not compared: {', '.join(found.extra_columns)}")
    return found
