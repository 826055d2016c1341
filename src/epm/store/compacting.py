"""Writing a store's file anew, so that what was deleted is in none of its bytes and the file is as small as its rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from epm.errors import StoreError

_BUSY_TIMEOUT_S = 10.0


def file_of(place: str) -> Path | None:
    """The file of a store; ``None`` for one behind another kind of URL, whose server looks after its own files."""
    if "://" not in place:
        return Path(place)
    url = make_url(place)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def compact(path: Path) -> None:
    """Write the file anew without its free pages, and empty its write-ahead log. Needs as much free space as the file has.

    Raises:
        StoreError: another process is at work on the file, or the disk is full.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            _empty_log(connection)
            connection.execute("VACUUM")
            _empty_log(connection)
    except sqlite3.Error as error:
        msg = (
            f"the text is deleted, but store {str(path)!r} cannot be written anew ({error}), so that its free bytes may still hold it; "
            "stop other epm commands, free disk space, and repeat the command"
        )
        raise StoreError(msg) from error


def _empty_log(connection: sqlite3.Connection) -> None:
    is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if is_busy:
        raise sqlite3.OperationalError("another process is reading it")
