"""Opening the database: place, settings, tables, schema version; every failure names the place and the remedy."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from epm.errors import StoreError
from epm.socket_guard import policy_in_force
from epm.store.failures import DAMAGED_FILE, failure, keep_any_bytes, tell_failures
from epm.store.leases import live_leases
from epm.store.locked import ANOTHER_PROGRAM, TRY_FOR_MS, Patience, longest_wait_s
from epm.store.place import StorePlace
from epm.store.process_mark import own_process
from epm.store.read_only import read_only_engine
from epm.store.review_queue import fill_queue
from epm.store.schema import SCHEMA_VERSION, metadata, store_version
from epm.store.server import Prepare, address_of, server_engine
from epm.store.server_reading import read_as_it_stands

_TABLE_SINCE = {
    **dict.fromkeys(("store_version", "runs", "pairs", "rationales", "items", "decisions", "judgements", "calls", "cache"), 1),
    **dict.fromkeys(("budgets", "launches", "batches", "batch_lines"), 2),
    **dict.fromkeys(("waiting", "reviews"), 3),
    "leases": 4,
    "failed_replies": 5,
}
"""The schema version that brought each table; one that is not named came with the latest."""

_LOOK_TIMEOUT_S = 0.2
"""Who works on a locked store is only told: nothing is lost where that cannot be read at once."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The engines of an open store; ``writer`` is ``None`` where it may only be read. ``place`` may be shown (no password)."""

    reader: Engine
    writer: Engine | None
    place: str
    patience: Patience


def connect_to_read(named: StorePlace) -> Opened:
    """Like :func:`connect` for a store that exists; nothing of it is changed, and there is no writing engine."""
    place, patience = named.shown, _patience(named)
    if named.path is None:
        engine = _server(named, lock_timeout_s=longest_wait_s(), prepare=read_as_it_stands)
    elif not named.path.is_file():
        raise _no_store(place)
    else:
        engine = read_only_engine(named.path, patience)
    try:
        with engine.connect() as connection:
            # by schema, for the temporary views hide the tables that they stand before
            schema = connection.dialect.default_schema_name if named.path is None else None
            present = set(inspect(connection).get_table_names(schema))
            if named.path is None and not present:
                raise _no_store(place)
            _require_tables(present, place, _version(connection, present, place))
    except StoreError:
        engine.dispose()
        raise
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
        engine.dispose()
        raise failure(place, error, doing="read", remedy="name a readable store with --store") from error
    tell_failures(engine, place)
    return Opened(engine, None, place, patience)


def connect(named: StorePlace, *, must_exist: bool) -> Opened:
    """The store at a place, made where there is none unless it must exist.

    Raises:
        StoreError: the place cannot be used, is no store, or is a store of a newer version.
    """
    place, patience = named.shown, _patience(named)
    if named.path is not None:
        _make_room(named.path, must_exist=must_exist)
    reader, writer = _engine(named, is_writer=False), _engine(named, is_writer=True)

    def prepare() -> None:
        with writer.begin() as connection:
            _prepare(connection, place, may_be_made=named.path is not None or not must_exist)

    try:
        patience.attempt(prepare, doing="open")
    except StoreError:
        reader.dispose()
        writer.dispose()
        raise
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:  # SQLite repeats damaged names in its messages
        reader.dispose()
        writer.dispose()
        raise failure(place, error, doing="open", remedy="name a writable place with --store") from error
    tell_failures(reader, place)
    return Opened(reader, writer, place, patience)


def _patience(named: StorePlace) -> Patience:
    """How the store is waited for; whoever has it locked is looked up among the commands at work on it."""

    def whom() -> str:
        if named.path is None:
            engine = _server(named, lock_timeout_s=_LOOK_TIMEOUT_S, is_pooled=False)
        else:
            engine = create_engine(_file_url(named.path), poolclass=NullPool, connect_args={"timeout": _LOOK_TIMEOUT_S})
        with suppress(SQLAlchemyError, sqlite3.Error, StoreError), engine.connect() as connection:
            others = [lease.described() for lease in live_leases(connection) if lease.process != own_process()]
            return " or ".join(others) or ANOTHER_PROGRAM
        return ANOTHER_PROGRAM

    return Patience(named.shown, longest_wait_s(), whom)


def _no_store(place: str) -> StoreError:
    return StoreError(f"no store at {place!r}; run a command that writes one, or name yours with --store")


def _make_room(path: Path, *, must_exist: bool) -> None:
    if must_exist and not path.is_file():
        raise _no_store(str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot open store {str(path)!r}: {error.strerror}; name a writable place with --store") from error


def _file_url(path: Path) -> URL:
    # built, not written: a "?" or "%" in a path would be read as a query or an escape
    return URL.create("sqlite", database=str(path))


def _engine(named: StorePlace, *, is_writer: bool) -> Engine:
    wait_s = TRY_FOR_MS / 1000 if is_writer else longest_wait_s()
    if named.path is None:
        return _server(named, lock_timeout_s=wait_s, is_writer=is_writer)
    engine = create_engine(_file_url(named.path))
    event.listen(engine, "connect", partial(_set_pragmas, busy_ms=round(1000 * wait_s)))
    if is_writer:
        event.listen(engine, "begin", _begin_immediately)
    return engine


def _server(
    named: StorePlace, *, lock_timeout_s: float, is_writer: bool = False, is_pooled: bool = True, prepare: Prepare | None = None
) -> Engine:
    policy_in_force().check_host(address_of(named), f"store {named.shown!r}")
    return server_engine(named, lock_timeout_s=lock_timeout_s, is_writer=is_writer, is_pooled=is_pooled, prepare=prepare)


def _set_pragmas(connection: sqlite3.Connection, _entry: ConnectionPoolEntry, *, busy_ms: int) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, else reads inside a write would stand outside it
    keep_any_bytes(connection)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={busy_ms}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing; only a power cut may lose the last commits
    cursor.execute("PRAGMA secure_delete=ON")  # what is deleted must not stay readable in the file
    cursor.close()


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # a deferred one fails without waiting when two processes upgrade at once


def _prepare(connection: Connection, place: str, *, may_be_made: bool) -> None:
    present = set(inspect(connection).get_table_names())
    if not present and not may_be_made:
        raise _no_store(place)
    if not present:
        metadata.create_all(connection)
        connection.execute(insert(store_version).values(version=SCHEMA_VERSION))
        return
    version = _version(connection, present, place)
    _require_tables(present, place, version)
    _complete(connection)
    if "waiting" not in present:
        fill_queue(connection)
    if version < SCHEMA_VERSION:
        connection.execute(update(store_version).values(version=SCHEMA_VERSION))


def _version(connection: Connection, present: set[str], place: str) -> int:
    """The schema version of a store that has tables."""
    if "store_version" not in present:
        found = f"is a database of something else (tables {sorted(present)[:3]})" if present else "is empty"
        raise StoreError(f"{place!r} {found}; name another place with --store")
    versions: list[object] = list(connection.execute(select(store_version.c.version)).scalars())
    version = versions[0] if len(versions) == 1 else None
    if not isinstance(version, int) or version < 1:
        msg = f"damaged row in table store_version of store {place!r}: one version is expected, found {versions[:3]!r}"
        raise StoreError(f"{msg}; {DAMAGED_FILE}")
    if version > SCHEMA_VERSION:
        msg = f"store {place!r} has schema version {version}, this epm reads up to {SCHEMA_VERSION}; upgrade epm or name another store"
        raise StoreError(msg)
    return version


def _require_tables(present: set[str], place: str, version: int) -> None:
    """Refuse a store without a table that its version had: an empty one in its place would hide what is lost."""
    since = {table: _TABLE_SINCE.get(table, SCHEMA_VERSION) for table in metadata.tables}
    lost = sorted(table for table, first in since.items() if first <= version and table not in present)
    if lost:
        raise StoreError(f"store {place!r} has lost table {lost[0]!r}; {DAMAGED_FILE}")


def _complete(connection: Connection) -> None:
    """Add the tables and columns that the store of an older epm lacks: so far versions only added, and new columns may be empty."""
    metadata.create_all(connection)
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in present:
                kind = column.type.compile(connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
