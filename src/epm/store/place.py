"""Where a run store is: a file of SQLite, or a database of a PostgreSQL server.

StorePlace.of(".epm/store.db").path
StorePlace.of("postgresql://ann:secret@db/epm").shown  # postgresql://ann:***@db/epm

Invariant: nothing that is printed, logged or kept of a place holds its password. Needs the standard library only, for
every command parses one before it loads anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from epm.errors import StoreError

POSTGRES_SCHEMES = ("postgresql", "postgresql+pg8000")
"""pg8000 is the driver of the extra: BSD, and pure Python, so that the egress policy sees its sockets."""
POSTGRES_SETTINGS = ("sslmode", "sslrootcert")
"""What may stand behind the question mark."""

_ALLOWED = "a file path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
_SEPARATOR = "://"
_COLLAPSED = re.compile(r"(sqlite|postgres\w*)(\+\w+)?:/(?!/)")
"""An address that went through ``Path``, which makes one slash of two."""


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A place. ``path`` is its file; a server has none, and ``url`` is its address, password included."""

    shown: str
    path: Path | None
    url: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, given: StorePlace | str | Path) -> StorePlace:
        """The place that a path or an address names.

        Raises:
            StoreError: the address is of another database, or lacks what it must name; says what is allowed.
        """
        if isinstance(given, StorePlace):
            return given
        text = str(given)
        if _COLLAPSED.match(text):
            raise StoreError(
                f"store address {_hidden(text)!r} has one slash behind the colon, as an address that was made a path: give {_ALLOWED}"
            )
        if isinstance(given, Path) or _SEPARATOR not in text:
            return cls(text, Path(text))
        scheme = text.partition(_SEPARATOR)[0]
        if scheme == "sqlite":
            return _sqlite_place(text)
        if scheme in POSTGRES_SCHEMES:
            return _postgres_place(text)
        raise StoreError(f"store address {_hidden(text)!r} is of another kind of database ({scheme!r}): give {_ALLOWED}")

    def __str__(self) -> str:
        return self.shown


AnyPlace = StorePlace | str | Path
"""What functions take that open a store: a place, or the text or path that names one."""


def _sqlite_place(text: str) -> StorePlace:
    named = text.partition(_SEPARATOR)[2]
    path = named.removeprefix("/")
    if path == named or not path or path == ":memory:" or "?" in path:
        raise StoreError(f"store address {_hidden(text)!r} names no file: give sqlite:///PATH without settings, or the path itself")
    return StorePlace(path, Path(path))


def _postgres_place(text: str) -> StorePlace:
    shown = _hidden(text)
    try:
        parts = urlsplit(text)
        port, settings = parts.port, parse_qs(parts.query, keep_blank_values=True)
    except ValueError:  # its own message may repeat the password
        raise StoreError(f"store address {shown!r} cannot be read; write signs such as / # ? @ in a password as %2F %23 %3F %40") from None
    unknown = sorted(set(settings) - set(POSTGRES_SETTINGS))
    database = parts.path.removeprefix("/")
    if unknown:
        raise StoreError(f"store address {shown!r} has the setting {unknown[0]!r}: allowed are {', '.join(POSTGRES_SETTINGS)}")
    if not database or "/" in database or parts.fragment or port == 0:
        raise StoreError(f"store address {shown!r} names no database: give postgresql://USER:PASSWORD@HOST/DATABASE")
    return StorePlace(shown, None, text)


def _hidden(text: str) -> str:
    """The address without what may be its password: all between the first colon and the last ``@``, and its settings."""
    scheme, separator, rest = text.partition(_SEPARATOR)
    if not separator:
        scheme, separator, rest = text.partition(":/")
    who, at, where = rest.rpartition("@")
    user, colon, _ = who.partition(":")
    address = where.partition("?")[0]
    return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{address}"
