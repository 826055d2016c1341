"""What the database says when its file is damaged, locked, full or not its own, as one ``StoreError``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from epm.errors import StoreError
from epm.store.locked import ANOTHER_PROGRAM, is_locked, locked, longest_wait_s
from epm.store.server_faults import server_fault

_DAMAGE = ("malformed", "not a database", "no such table", "no such column", "decode to utf-8", "corrupt")
"""Parts of SQLite's messages on a file whose bytes or tables are not as they were written."""

DAMAGED_FILE = "it is damaged or not a store of epm: restore it from a backup, or name another with --store"


def failure(place: str, reason: BaseException, *, doing: str, remedy: str) -> StoreError:
    """The error for a store; the remedy gives way to one for damage, or for a lock, where the reason tells of that."""
    if is_locked(reason):
        return locked(place, ANOTHER_PROGRAM, longest_wait_s(), doing=doing)
    fault = server_fault(reason)
    if fault is not None:
        return StoreError(f"cannot {doing} store {place!r}: {' '.join(fault.text.split())}; {fault.remedy or remedy}")
    text = " ".join(str(getattr(reason, "orig", None) or reason).split())
    is_damage = any(part in text.casefold() for part in _DAMAGE)
    return StoreError(f"cannot {doing} store {place!r}: {text}; {DAMAGED_FILE if is_damage else remedy}")


def tell_failures(engine: Engine, place: str) -> None:
    """From now on, whatever the database says while the engine reads is a ``StoreError``."""

    def tell(context: ExceptionContext) -> None:
        if context.is_pre_ping:
            return  # a connection that ended meanwhile is replaced
        raise failure(
            place, context.original_exception, doing="read", remedy="see that its disk or server is well, then repeat the command"
        ) from context.original_exception

    event.listen(engine, "handle_error", tell)


@contextmanager
def told_as_failure(place: str) -> Iterator[None]:
    """Inside, an error of the driver itself is a ``StoreError``: on a damaged file its own message may be no text."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise failure(place, error, doing="read", remedy=DAMAGED_FILE) from error


def keep_any_bytes(connection: sqlite3.Connection) -> None:
    """Read texts that are no UTF-8 as half characters, so that one of them is told by its row and hides no other."""
    connection.text_factory = _text


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
