"""Half-written outputs: what they are called, who writes them still, and how those of killed processes are swept.

A writer locks its partial file or folder for as long as it lives; the operating system drops the lock of a killed one.
So what can be locked is nobody's, however the process numbers of the machine have gone round.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows has no such lock: there nothing is swept
    fcntl = None  # type: ignore[assignment]  # mypy looks at Linux


def new_partial(target: Path) -> Path:
    """A free name beside the target; other writers of the target get other names."""
    return target.with_name(f".{target.name}.{uuid4().hex[:8]}.partial")


def hold(partial: Path) -> int:
    """A descriptor that keeps the partial file or folder from being swept until it is closed.

    Raises:
        OSError: it cannot be opened, or was swept between its making and its locking.
    """
    held = os.open(partial, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(partial.stat(), os.fstat(held)):
            raise FileNotFoundError(f"{str(partial)!r} was taken away")
    except OSError:
        os.close(held)
        raise
    return held


@contextmanager
def closing_descriptor(held: int) -> Iterator[None]:
    """Close the descriptor when the block ends."""
    try:
        yield
    finally:
        os.close(held)


def sweep(target: Path) -> None:
    """Remove what killed processes left half written of this target; what a living one writes stays.

    Only names that :func:`new_partial` gives are looked at, and no link is followed. What cannot be removed is left.
    """
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.partial")
    try:
        left = [path for path in target.parent.iterdir() if name.fullmatch(path.name) and not path.is_symlink()]
    except OSError:
        return
    for path in left:
        _sweep_one(path)


def _sweep_one(path: Path) -> None:
    if fcntl is None or not (path.is_file() or path.is_dir()):
        return
    try:
        seen = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        fcntl.flock(seen, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:  # locked: its writer lives
        return
    finally:
        os.close(seen)
