"""Cassettes: what was asked and what came of it, as JSON Lines, call by call.

A line is a row as the cache has it; ``{"failed": …}`` where a call brought nothing of use, with its row where a reply came;
``{"refused": KEY}`` where the reply of the line before for that key proved useless afterwards; ``{"command": TIME}`` where a
command begins; or ``{"forgotten": KEY}``, which older epms wrote instead of ``refused``, and which drops that reply. Lines are only
ever added. An epm that knows no failures refuses a cassette with them, and names the line.
Invariant: no key is on it: requests are chat bodies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from epm.errors import ConfigError, ErrorClass
from epm.gateway.ledger import CachedReply, CallRecord, canonical_json

_FAILED, _REFUSED, _FORGOTTEN, _COMMAND = "failed", "refused", "forgotten", "command"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that brought no usable reply: how it failed, and what came, if anything did. ``at_s`` tells it from others of its key."""

    key: str
    identity: str
    model: str
    error_class: ErrorClass
    error: str
    attempt: int
    at_s: float
    row: CachedReply | None = None

    @classmethod
    def of(cls, call: CallRecord, identity: str, row: CachedReply | None) -> FailedCall | None:
        """What a ledger row says of it; ``None`` for a call that did not fail."""
        if call.error_class is None:
            return None
        return cls(call.key, identity, call.model_asked, call.error_class, call.error or "", call.attempt, call.started_at_s, row)

    def to_json(self) -> str:
        """The call as one line of JSON."""
        fields: dict[str, object] = {
            "key": self.key, "identity": self.identity, "model": self.model, "error_class": self.error_class.value,
            "error": self.error, "attempt": self.attempt, "at_s": self.at_s, "row": None if self.row is None else json.loads(self.row.to_json()),
        }  # fmt: skip
        return canonical_json({_FAILED: fields})

    @classmethod
    def from_mapping(cls, found: Mapping[str, object]) -> FailedCall:
        """The call of a line's value.

        Raises:
            ValueError, KeyError, TypeError: the line is none.
        """
        row = found["row"]
        return cls(
            str(found["key"]), str(found["identity"]), str(found["model"]), ErrorClass(str(found["error_class"])), str(found["error"]),
            int(str(found["attempt"])), float(str(found["at_s"])), None if row is None else CachedReply.from_json(json.dumps(row)),
        )  # fmt: skip


@dataclass(slots=True)
class Recorded(Generic[T]):
    """What was taken of one line, in which command; ``is_refused`` where its reply proved useless afterwards."""

    taken: T
    command_s: float
    is_refused: bool = False


def read_cassette(path: Path, take: Callable[[CachedReply | FailedCall], T]) -> dict[str, list[Recorded[T]]]:
    """What ``take`` makes of each call on a cassette, by key in the order of recording: whole rows hold every prompt, too much for memory.

    Raises:
        ConfigError: it cannot be read, or a line is no call; names file and line.
    """
    reading = _Reading(take)
    for number, line in enumerate(_lines(path), start=1):
        try:
            reading.add(json.loads(line), line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"cassette {str(path)!r} line {number} is no recorded reply ({type(error).__name__}: {error}); remove it or record anew"
            raise ConfigError(msg) from error
    return reading.taken


class _Reading(Generic[T]):
    """What was taken of the lines so far."""

    def __init__(self, take: Callable[[CachedReply | FailedCall], T]) -> None:
        self.taken: dict[str, list[Recorded[T]]] = {}
        self._take = take
        self._command_s = 0.0

    def add(self, found: Mapping[str, object], line: str) -> None:
        """Read one more line."""
        if _COMMAND in found:
            self._command_s = float(str(found[_COMMAND]))
        elif _REFUSED in found:
            self.taken[str(found[_REFUSED])][-1].is_refused = True
        elif _FORGOTTEN in found:
            self.taken.pop(str(found[_FORGOTTEN]), None)
        else:
            failed = found.get(_FAILED)
            call = FailedCall.from_mapping(failed) if isinstance(failed, Mapping) else CachedReply.from_json(line)
            self.taken.setdefault(call.key, []).append(Recorded(self._take(call), self._command_s))


class CassetteWriter:
    """Adds lines to a cassette, which may be a new file.

    Raises:
        ConfigError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._add("\n" if _ends_within_a_line(path) else "")
        self._command_s: float | None = None

    def add(self, call: CachedReply | FailedCall, command_s: float) -> None:
        """Write down what came of a call, and of which command it was, by the time of its beginning."""
        is_other = command_s != self._command_s
        begins = canonical_json({_COMMAND: command_s}) + "\n" if is_other else ""
        self._command_s = command_s
        self._add(f"{begins}{call.to_json()}\n")

    def refuse(self, key: str) -> None:
        """Write down that the last reply under a key proved useless."""
        self._add(canonical_json({_REFUSED: key}) + "\n")

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
