"""A row as it came off the disk, read column by column: what is not of the kind that we wrote there is damage.

SQLite keeps a value of any kind in any column, so the kind is looked at on reading. Whatever is wrong is one
``StoreError`` that names table, key and column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import ValidationError

from epm.errors import StoreError
from epm.first_problem import first_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

RESTORE = "restore the store from a backup, or take the run again in a store of another name; 'epm runs list' shows the other runs"
"""What can be done about damage: nothing in the store says what stood there."""

_SHOWN_CHARS = 60
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""What the reader's text factory makes of bytes that are no UTF-8."""

T = TypeVar("T")


class DamagedRowError(StoreError):
    """A row holds what this program cannot have written there."""


class StoredRow:
    """Typed reads of one row. ``key`` names the columns that tell the row from others of its table."""

    def __init__(self, table: str, row: Mapping[str, object], *key: str) -> None:
        self._table = table
        self._row = row
        self._key = key

    def text(self, column: str) -> str:
        """A text.

        Raises:
            DamagedRowError: it is something else, or no UTF-8. So does every method below.
        """
        value = self._value(column)
        if not isinstance(value, str):
            raise self.damaged(column, f"{_shown(value)} is no text")
        if _NOT_UTF8.search(value) is not None:
            raise self.damaged(column, f"{_shown(value)} holds bytes that are no UTF-8")
        return value

    def text_or_none(self, column: str) -> str | None:
        """A text, or nothing."""
        return None if self._value(column) is None else self.text(column)

    def number(self, column: str) -> float:
        """A finite number."""
        value = self._value(column)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.damaged(column, f"{_shown(value)} is no number")
        number = float(value) if abs(value) < _BEYOND else _BEYOND
        if not -_BEYOND < number < _BEYOND:
            raise self.damaged(column, f"{_shown(value)} is beyond what such a column can hold")
        return number

    def number_or_none(self, column: str) -> float | None:
        """A number, or nothing."""
        return None if self._value(column) is None else self.number(column)

    def integer(self, column: str) -> int:
        """A whole number."""
        value = self._value(column)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.damaged(column, f"{_shown(value)} is no whole number")
        return value

    def integer_or_none(self, column: str) -> int | None:
        """A whole number, or nothing."""
        return None if self._value(column) is None else self.integer(column)

    def flag(self, column: str) -> bool:
        """True or false."""
        value = self._value(column)
        if not isinstance(value, bool):
            raise self.damaged(column, f"{_shown(value)} is neither true nor false")
        return value

    def one_of(self, kind: Callable[[str], T], column: str) -> T:
        """A text as a value of an enumeration."""
        text = self.text(column)
        with self.decoding(column):
            return kind(text)

    def one_of_or_none(self, kind: Callable[[str], T], column: str) -> T | None:
        """A value of an enumeration, or nothing."""
        return None if self._value(column) is None else self.one_of(kind, column)

    def json(self, column: str) -> object:
        """A text as JSON."""
        text = self.text(column)
        with self.decoding(column):
            return cast("object", json.loads(text))

    def json_object(self, column: str) -> dict[str, object]:
        """A text as a JSON object."""
        value = self.json(column)
        if not isinstance(value, dict):
            raise self.damaged(column, f"{_shown(value)} is no JSON object")
        return value

    @contextmanager
    def decoding(self, column: str) -> Iterator[None]:
        """Inside, whatever a decoder stumbles over is damage of that column."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, OverflowError) as error:
            raise self.damaged(column, _reason(error)) from error

    def damaged(self, column: str, reason: str) -> DamagedRowError:
        """The error for a column."""
        key = ", ".join(f"{name}={_shown(self._row.get(name))}" for name in self._key)
        return DamagedRowError(f"damaged row in table {self._table} ({key}), column {column}: {reason}; {RESTORE}")

    def _value(self, column: str) -> object:
        return self._row[column]


_BEYOND = 1e300
"""No time, cost or share comes near; an infinity or NaN is not below it."""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return _cut(first_problem(error))
    return _cut(f"the field {error} is missing" if isinstance(error, KeyError) else str(error))


def _cut(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= 2 * _SHOWN_CHARS else f"{joined[: 2 * _SHOWN_CHARS]}…"
