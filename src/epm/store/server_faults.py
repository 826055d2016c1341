"""What a PostgreSQL server says when it refuses something: its words, its code, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

LOCK_STATES = frozenset({"55P03", "40P01"})
"""lock_not_available and deadlock_detected (PostgreSQL, appendix A): what was asked for may be had a moment later."""

_REMEDIES = {
    "22021": "PostgreSQL keeps no NUL character: take it out of the ids of the input, or use a store in a file",
    "25006": "the server may only be read (a standby): name the one that is written to",
    "28000": "give a user that may connect: postgresql://USER@HOST/DATABASE, with the password there or in PGPASSWORD",
    "28P01": "give the password in the address, or in the environment variable PGPASSWORD",
    "3D000": "make the database first (CREATE DATABASE), or name another with --store",
    "42501": "let the user read, write and create tables in the database's schema (GRANT), or name another user",
    "53100": "free space on the server's disk, then repeat the command",
    "53300": "the server takes no more connections: end other programs, or raise its max_connections",
}
"""By SQLSTATE (PostgreSQL, appendix A)."""


@dataclass(frozen=True, slots=True)
class ServerFault:
    """One refusal. ``state`` is the five signs of SQLSTATE; ``remedy`` is ``None`` where only the command knows one."""

    state: str
    text: str

    @property
    def remedy(self) -> str | None:
        """What to do about it."""
        return _REMEDIES.get(self.state)


def server_fault(error: BaseException | None) -> ServerFault | None:
    """The refusal in an error of SQLAlchemy or of the driver; ``None`` where it is no refusal of a server."""
    reason = error.orig if isinstance(error, DBAPIError) else error
    told = reason.args[0] if reason is not None and reason.args else None
    if not isinstance(told, Mapping) or "C" not in told:  # the driver hands the server's fields on by their letters
        return None
    return ServerFault(str(told["C"]), str(told.get("M", "")))
