"""Whether an index on disk can be opened, found out before it could take the process along, and in words that name it.

chromadb's core is Rust: a damaged file may end the process that opens it, past every ``except``. So an index that is not as we
left it is first read in a child. The sizes and times of its files are kept beside it on closing: an index as we left it costs
no child.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import wraps
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np

from epm.errors import ArtifactError
from epm.knowledge.stored import DATABASE

_MARK = "epm-sound.json"
_LOCK_WAIT_S = 10.0
"""Argued, not measured: commands write for moments at a time, and a person takes a longer silence for a hang."""
_CHILD_S = 120.0
"""Argued: reading one entry and one graph takes seconds for the largest index we have made (benchmarks/retrieval.py)."""
_REMEDY = (
    "rebuild it: move this folder away and repeat the command; 'epm teach' and 'epm block' write listings anew, "
    "documents come back with 'epm knowledge add'"
)
_MAKE_ROOM = "make room on its disk, then repeat"
_ROOM_BYTES = 1 << 20
"""Argued: more than chromadb writes at once for an entry, and no burden on a disk."""
_CAUSES = (
    (("database is locked", "(code: 5)", "(code: 6)"), "another program holds it: wait until that has ended, then repeat"),
    (("disk is full", "no space left", "file too large", "(code: 13)"), _MAKE_ROOM),
    (("readonly database", "read-only", "permission denied", "unable to open", "(code: 8)"), "choose a writable folder"),
)
"""What chromadb and SQLite say, in lower case, and what helps; anything else is damage."""


P = ParamSpec("P")
R = TypeVar("R")


class _HasPath(Protocol):
    @property
    def path(self) -> Path: ...


OnDisk = TypeVar("OnDisk", bound=_HasPath)


class UnreadableEntryError(Exception):
    """A row of an index that is no entry."""


@contextmanager
def index_errors(path: Path) -> Iterator[None]:
    """Inside, what fails in an index is an ``ArtifactError`` that names it and says what to do."""
    import chromadb

    try:
        yield
    except (OSError, chromadb.errors.ChromaError, UnreadableEntryError) as error:
        raise ArtifactError(_refusal(path, str(error))) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # Rust's, which is no Exception
            raise ArtifactError(_refusal(path, str(error))) from error
        raise


def names_index(method: Callable[Concatenate[OnDisk, P], R]) -> Callable[Concatenate[OnDisk, P], R]:
    """The method of an index whose failures name it, as in ``index_errors``."""

    @wraps(method)
    def told(self: OnDisk, /, *args: P.args, **options: P.kwargs) -> R:
        with index_errors(self.path):
            return method(self, *args, **options)

    return told


def needs_readable_row(read: Callable[P, R]) -> Callable[P, R]:
    """The reader of a stored row, for whose missing or malformed values the row is damaged."""

    @wraps(read)
    def told(*args: P.args, **options: P.kwargs) -> R:
        try:
            return read(*args, **options)
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableEntryError(f"entry {args[0]!r} is damaged: {error!r}") from error

    return told


def require_sound(path: Path) -> None:
    """Nothing, when the index in a folder can be opened, or there is none yet.

    Raises:
        ArtifactError: it is damaged or locked.
    """
    database = path / DATABASE
    if not database.exists():
        return
    if database.stat().st_size == 0:
        raise ArtifactError(_refusal(path, f"{DATABASE} is empty"))
    if _kept_mark(path) != _files(path):
        _read_in_child(path)
    try:
        with closing(sqlite3.connect(database, timeout=_LOCK_WAIT_S)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise ArtifactError(_refusal(path, str(error))) from error


def mark_sound(path: Path) -> None:
    """Remember the index as it is now; what happens to its files later makes the next command look first."""
    with suppress(OSError):  # only the next opening takes longer
        (path / _MARK).write_text(json.dumps(_files(path)), encoding="utf-8")


def read_through(path: Path) -> None:
    """Read of every collection its count, an entry and the graph: damage that ends a process ends this one."""
    from epm.knowledge.chroma_store.chroma_index import unchecked_collections

    with unchecked_collections(path) as collections:
        for collection in collections:
            collection.count()
            vectors = collection.get(limit=1, include=["documents", "metadatas", "embeddings"])["embeddings"]
            if vectors is not None and len(vectors):
                collection.query(query_embeddings=np.asarray(vectors, dtype=np.float32), n_results=1)


def _read_in_child(path: Path) -> None:
    code = "import sys; from pathlib import Path; from epm.knowledge.chroma_store.soundness import read_through; read_through(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(path)]
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter and code
            command, check=False, capture_output=True, timeout=_CHILD_S, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(_refusal(path, f"it could not be read in {_CHILD_S:g} s")) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"reading it ended a process with status {done.returncode}"]
        raise ArtifactError(_refusal(path, said[-1]))


def _refusal(path: Path, said: str) -> str:
    told = " ".join(said.split())[:300]
    known = (remedy for signs, remedy in _CAUSES if any(sign in told.casefold() for sign in signs))
    remedy = next(known, None) or (_REMEDY if _has_room(path) else _MAKE_ROOM)
    return f"the knowledge index {str(path)!r} cannot be used: {told}; {remedy}"


def _has_room(path: Path) -> bool:
    """False if not even a small file can be written there: chromadb does not say that a disk is full."""
    try:
        with NamedTemporaryFile(dir=path, prefix=".room-") as probe:
            probe.write(bytes(_ROOM_BYTES))
            probe.flush()
    except OSError as error:
        return error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return True


def _files(path: Path) -> list[list[object]]:
    found = [one for one in path.rglob("*") if one.is_file() and one.name != _MARK and not one.name.endswith(("-wal", "-shm", "-journal"))]
    return sorted([str(one.relative_to(path)), one.stat().st_size, one.stat().st_mtime_ns] for one in found)


def _kept_mark(path: Path) -> object:
    try:
        return json.loads((path / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
