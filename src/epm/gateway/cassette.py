"""Cassettes: what was asked and answered, as JSON Lines, in the form of the cache's rows.

A line is a row, or ``{"forgotten": KEY}`` where a row was dropped because its reply proved useless. Lines are only ever added.
Invariant: no failed call, truncated reply or content-filter stop is on it, and no key: requests are chat bodies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from epm.errors import ConfigError
from epm.gateway.ledger import CachedReply, canonical_json

_FORGOTTEN = "forgotten"

T = TypeVar("T")


def read_cassette(path: Path, take: Callable[[CachedReply], T]) -> dict[str, T]:
    """What ``take`` makes of each row that stands on a cassette, by key: whole rows hold every prompt, too much for memory.

    Raises:
        ConfigError: it cannot be read, or a line is no row; names file and line.
    """
    taken: dict[str, T] = {}
    for number, line in enumerate(_lines(path), start=1):
        try:
            forgotten = json.loads(line).get(_FORGOTTEN)
            if forgotten is None:
                row = CachedReply.from_json(line)
                taken[row.key] = take(row)
            else:
                taken.pop(forgotten, None)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"cassette {str(path)!r} line {number} is no recorded reply ({type(error).__name__}: {error}); remove it or record anew"
            raise ConfigError(msg) from error
    return taken


class CassetteWriter:
    """Adds lines to a cassette, which may be a new file.

    Raises:
        ConfigError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._add("\n" if _ends_within_a_line(path) else "")

    def add(self, row: CachedReply) -> None:
        """Write a row down."""
        self._add(row.to_json() + "\n")

    def forget(self, key: str) -> None:
        """Write down that a row no longer stands."""
        self._add(canonical_json({_FORGOTTEN: key}) + "\n")

    def _add(self, text: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:  # one write for a line: a killed process leaves no half of one
                file.write(text.encode("ascii"))
        except OSError as error:
            msg = f"cannot write cassette {str(self._path)!r}: {error.strerror}; choose a writable file"
            raise ConfigError(msg) from error


def _ends_within_a_line(path: Path) -> bool:
    """True for a file that an editor left without its last line break."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read cassette {str(path)!r} ({error}); give a file that a recording wrote"
        raise ConfigError(msg) from error
