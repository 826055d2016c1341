"""Writing a store anew, so that what was deleted is in none of its bytes and it takes as much room as its rows.

On a server only the tables are written anew, and their statistics, which hold common values. Its write-ahead log, its
replicas, its backups and the free pages of its catalogue are its own:
they hold the deleted text until the server drops them, and nothing here can hasten that.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from epm.errors import StoreError
from epm.store.place import StorePlace
from epm.store.schema import metadata
from epm.store.server import server_engine
from epm.store.server_faults import server_fault

_BUSY_TIMEOUT_S = 10.0
_REMEDY = "so that its free bytes may still hold it; stop other epm commands, free disk space, and repeat the command"


def size_of(place: StorePlace) -> int:
    """The bytes of the store's file, or of its tables and indexes on a server."""
    if place.path is not None:
        return place.path.stat().st_size
    engine = server_engine(place, lock_timeout_s=_BUSY_TIMEOUT_S, is_pooled=False)
    with engine.connect() as connection:
        sized = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
        return sum(connection.execute(sized, {"name": table.name}).scalar_one() for table in metadata.sorted_tables)


def compact(place: StorePlace) -> None:
    """Write the store anew without what is free in it. Needs as much free space as the store has.

    Raises:
        StoreError: another process is at work on the store, or the disk is full.
    """
    if place.path is None:
        _compact_tables(place)
    else:
        _compact_file(place.path)


def _compact_file(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            _empty_log(connection)
            connection.execute("VACUUM")
            _empty_log(connection)
    except sqlite3.Error as error:
        raise StoreError(f"the text is deleted, but store {str(path)!r} cannot be written anew ({error}), {_REMEDY}") from error


def _empty_log(connection: sqlite3.Connection) -> None:
    is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if is_busy:
        raise sqlite3.OperationalError("another process is reading it")


def _compact_tables(place: StorePlace) -> None:
    engine = server_engine(place, lock_timeout_s=_BUSY_TIMEOUT_S, is_pooled=False)
    try:
        # VACUUM cannot stand inside a transaction
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for table in metadata.sorted_tables:
                connection.execute(text(f'VACUUM (FULL, ANALYZE) "{table.name}"'))
    except SQLAlchemyError as error:
        fault = server_fault(error)
        told = str(error) if fault is None else fault.text
        raise StoreError(f"the text is deleted, but store {place.shown!r} cannot be written anew ({told}), {_REMEDY}") from error
