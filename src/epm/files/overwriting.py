"""Outputs that would destroy an input: refused before any work is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from epm.errors import DataError


def refuse_overwriting(out: Path, inputs: Iterable[Path | None]) -> None:
    """Nothing, if ``out`` is none of the files that are read; ``None`` stands for an input that was not given.

    Raises:
        DataError: it is one of them, by this name or through a link.
    """
    if any(path is not None and out.resolve() == path.resolve() for path in inputs):
        raise DataError(f"{str(out)!r} is the file that is read: choose another name to write to")
