"""Folders written whole or not at all: into a hidden neighbour first, then renamed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from epm.errors import ArtifactError
from epm.files.partials import closing_descriptor, hold, new_partial, sweep


def refuse_occupied(folder: Path) -> None:
    """Nothing, when the folder is absent or empty.

    Raises:
        ArtifactError: something stands there, which would be lost.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtifactError(f"{str(folder)!r} is there already and not empty: choose another folder, or remove it first")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder that takes the name ``folder`` when the block ends without an error, and is removed when it does not.

    Raises:
        ArtifactError: the folder is occupied, or cannot be written.
    """
    refuse_occupied(folder)
    target = folder.resolve()
    partial = new_partial(target)
    try:
        sweep(target)
        partial.mkdir(parents=True)
        with closing_descriptor(hold(partial)):
            yield partial
            if target.exists():
                target.rmdir()
            partial.rename(target)
    except OSError as error:
        raise ArtifactError(f"cannot write {str(folder)!r}: {error.strerror or error}; choose a writable folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
