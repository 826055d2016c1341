"""Opening a store's file so that nothing of it changes: no upgrade, no log of its own, not one byte.

A store of an older epm is read as it is: columns that it lacks are empty, tables that it lacks have no rows. Both are
temporary views in the connection's memory.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from epm.errors import StoreError
from epm.store.failures import keep_any_bytes
from epm.store.locked import TRY_FOR_MS, Patience
from epm.store.schema import metadata


def read_only_engine(path: Path, patience: Patience) -> Engine:
    """An engine over the file; connections are made anew for each use, and wait while another process merges its log.

    Raises:
        StoreError: the file has a log that cannot be read where it lies.
    """
    return create_engine(
        "sqlite://", creator=lambda: patience.attempt(lambda: _connected(path, patience), doing="read"), poolclass=NullPool
    )


def _connected(path: Path, patience: Patience) -> sqlite3.Connection:
    connection = sqlite3.connect(_address(path), uri=True, timeout=TRY_FOR_MS / 1000, isolation_level=None, check_same_thread=False)
    keep_any_bytes(connection)
    try:
        _complete(connection)
    except sqlite3.Error:
        connection.close()
        raise
    connection.execute(f"PRAGMA busy_timeout={round(1000 * patience.longest_s)}")
    connection.execute("PRAGMA query_only=ON")
    return connection


def _address(path: Path) -> str:
    """How SQLite is to open the file.

    Where no log lies beside it, a connection that may only read would make one and leave it there. One that may write
    takes it away again; where nothing can be written the file is read as one that does not change.
    """
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    can_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if log.exists() and (log.stat().st_size or index.exists()):
        if not (index.exists() or os.access(path.parent, os.W_OK)):
            raise StoreError(
                f"cannot read store {str(path)!r}: its last writes stand in {log.name!r}, and its folder cannot be "
                "written: copy both files to a folder of yours, and name the copy with --store"
            )
        mode = "mode=ro"
    else:
        mode = "mode=rw" if can_write else "mode=ro&immutable=1"
    return f"file:{quote(str(path.resolve()))}?{mode}"


def _complete(connection: sqlite3.Connection) -> None:
    present = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "store_version" not in present:
        return  # no store: whoever opens it says so
    for table in metadata.sorted_tables:
        if table.name not in present:
            text = str(CreateTable(table)).strip().replace("CREATE TABLE", "CREATE TEMP TABLE", 1)
            connection.execute(text)
            continue
        columns = {str(row[1]) for row in connection.execute(f'PRAGMA table_info("{table.name}")')}
        missing = [column.name for column in table.columns if column.name not in columns]
        if missing:
            empty = ", ".join(f'NULL AS "{name}"' for name in missing)
            connection.execute(f'CREATE TEMP VIEW "{table.name}" AS SELECT *, {empty} FROM main."{table.name}"')  # noqa: S608  # our own names
