"""Files written whole or not at all: into a hidden neighbour first, then renamed over the target."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from epm.errors import DataError
from epm.files.partials import closing_descriptor, hold, new_partial, sweep


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text to ``path`` in one step, making its folder if absent.

    Raises:
        DataError: the file cannot be written there; an older file of that name is untouched.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write bytes to ``path`` in one step; raises like :func:`write_text`."""
    with replacing(path) as stream:
        stream.write(data)


@contextmanager
def replacing(path: Path | str) -> Iterator[BinaryIO]:
    """A binary stream whose content replaces ``path`` when the block ends without an error.

    Raises:
        DataError: the file cannot be written there; an older file of that name is untouched.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "no regular file"
        raise DataError(f"cannot write {str(path)!r}: it is {kind}; choose the name of a file")
    partial = new_partial(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        with partial.open("xb") as stream, closing_descriptor(hold(partial)):
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            partial.replace(target)
    except OSError as error:
        msg = f"cannot write {str(path)!r}: {error}; choose a writable place with room"
        raise DataError(msg) from error
    finally:
        _remove(partial)


def _remove(partial: Path) -> None:
    # the error that left the partial file behind matters, not a second one from clearing it away
    try:
        partial.unlink(missing_ok=True)
    except OSError:
        return
