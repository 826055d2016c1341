"""A store on a PostgreSQL server: connecting to it, and one writer at a time.

One write transaction runs at a time in a database, as SQLite has it: what reads, decides and then writes relies on that.
The lock is an advisory one that ends with its transaction, however that ends. Nothing but epm asks for it.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from epm.errors import StoreError
from epm.store.place import StorePlace

DRIVER = "postgresql+pg8000"
_DEFAULT_PORT = 5432
_CONNECT_TIMEOUT_S = 10.0
"""Argued, not measured: a server that is there answers within a second, and a wrong address is told soon."""
_POOL_NAME = "epm-store"
_ONE_WRITER = 0x65_70_6D
"""The advisory lock of whoever writes: the letters "epm"; any number does that no other program uses."""
_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
"""Of libpq's ``sslmode`` all but ``allow``, which would send listings in the open to a server that takes TLS."""

Prepare = Callable[[DBAPIConnection], None]
"""What is to be done on each new connection; every statement is committed by itself."""


def server_engine(
    place: StorePlace, *, lock_timeout_s: float, is_writer: bool = False, is_pooled: bool = True, prepare: Prepare | None = None
) -> Engine:
    """An engine on the place's database; nothing is connected yet.

    Raises:
        StoreError: the driver is not installed, or the address is not to be used.
    """
    url = make_url(place.url or "")
    settings = {
        "user": url.username or os.environ.get("PGUSER") or _own_name(place),
        "password": url.password or os.environ.get("PGPASSWORD"),
        "application_name": "epm",
        "ssl_context": _tls(url, place),
    }
    bare = URL.create(DRIVER, host=url.host or "localhost", port=url.port or _DEFAULT_PORT, database=url.database)
    try:
        # a connection that the server or a firewall ended meanwhile is replaced before it is used
        pool = {"pool_pre_ping": True, "pool_logging_name": _POOL_NAME} if is_pooled else {"poolclass": NullPool}
        engine = create_engine(bare, connect_args=settings, **pool)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"store {place.shown!r} needs the driver {error.name!r}, which is not installed: pip install 'epm[postgres]'"
        ) from error
    # the pool prints a traceback where such a connection cannot be closed in good form
    logging.getLogger(f"sqlalchemy.pool.impl.QueuePool.{_POOL_NAME}").disabled = True
    event.listen(engine, "do_connect", partial(_dial, place))
    event.listen(engine, "connect", partial(_set_up, lock_timeout_s=lock_timeout_s, prepare=prepare))
    if is_writer:
        event.listen(engine, "begin", _become_the_writer)
    return engine


def address_of(place: StorePlace) -> str:
    """The host that a place on a server is reached at, without asking for it."""
    return make_url(place.url or "").host or "localhost"


def _dial(
    place: StorePlace, dialect: Dialect, _entry: ConnectionPoolEntry, given: list[object], settings: dict[str, object]
) -> DBAPIConnection:
    """A connection to a host that was seen to answer: the driver's own bound would also cut every long query short."""
    try:
        with socket.create_connection((str(settings["host"]), int(str(settings["port"]))), _CONNECT_TIMEOUT_S):
            pass
        return dialect.connect(*given, **settings)
    except OSError as error:
        raise StoreError(
            f"cannot reach store {place.shown!r}: {error}; see that the server runs there and takes connections, "
            "or name another place with --store"
        ) from error


def _set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry, *, lock_timeout_s: float, prepare: Prepare | None) -> None:
    connection.autocommit = True  # a setting of a transaction that is rolled back would be gone
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = {max(1, round(1000 * lock_timeout_s))}")  # 0 would be no bound at all
    cursor.close()
    if prepare is not None:
        prepare(connection)
    connection.autocommit = False


def _become_the_writer(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")


def _tls(url: URL, place: StorePlace) -> ssl.SSLContext | bool | None:
    """How the driver is to encrypt: not at all, as the server likes, in any case, or with a certificate that is checked."""
    query = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    mode, root = query.get("sslmode", "prefer"), query.get("sslrootcert")
    if mode not in _MODES:
        raise StoreError(f"store address {place.shown!r} has sslmode={mode!r}: allowed are {', '.join(_MODES)}")
    if mode == "require" and root is not None:
        mode = "verify-ca"  # as libpq has it
    if mode in {"disable", "prefer", "require"}:
        return {"disable": False, "prefer": None, "require": True}[mode]
    try:
        context = ssl.create_default_context(cafile=root)
    except OSError as error:
        raise StoreError(
            f"store address {place.shown!r} has sslrootcert={root!r}, which cannot be read ({error}): name a PEM file"
        ) from error
    context.check_hostname = mode == "verify-full"
    return context


def _own_name(place: StorePlace) -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # a container whose user has no name
        raise StoreError(f"store address {place.shown!r} names no user: give postgresql://USER@HOST/DATABASE, or set PGUSER") from error
