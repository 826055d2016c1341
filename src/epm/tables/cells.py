"""Cells as text: what a table of any format holds, before fields are given to its columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Self

from epm.files.rows import WrittenNumber


class PlainNumber(str):
    """The text of a cell that holds a number, not text: its decimal mark is always a point, whatever the table's prices use."""

    __slots__ = ("currency",)
    currency: str | None

    def __new__(cls, text: str, currency: str | None = None) -> Self:
        """The number of that text, with the currency its cell is shown in."""
        number = super().__new__(cls, text)
        number.currency = currency
        return number


class Uncomputed(str):
    """The formula of a cell whose value the workbook does not hold."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GridRow:
    """The cells of the row that starts at a line (a row number in a workbook), or why there are none."""

    line: int
    cells: tuple[str, ...]
    problem: str | None = None

    @property
    def n_filled(self) -> int:
        """How many cells hold more than blanks."""
        return sum(bool(cell.strip()) for cell in self.cells)


def flatten(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The named cells of a nested record: ``left.title``; a list of scalars is joined by commas, missing values are left out."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        elif (text := cell_text(value)) is not None:
            yield name, text


def cell_text(value: object) -> str | None:
    """The text of one value; numbers remember that they are numbers; lists of scalars are joined, other structures become JSON text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return _number_text(value)
    if isinstance(value, list):
        return _list_text(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _list_text(values: list[object]) -> str:
    if any(isinstance(value, list | tuple | Mapping) for value in values):
        return json.dumps(values, ensure_ascii=False, default=str)
    return ", ".join(text for value in values if (text := cell_text(value)) is not None)


def _number_text(value: float | Decimal) -> PlainNumber | None:
    if isinstance(value, WrittenNumber):
        return PlainNumber(value.text)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        is_exact = value.is_integer() and abs(value) < 1e15  # noqa: PLR2004 - beyond 15 digits a spreadsheet's whole number is no longer exact
        return PlainNumber(str(int(value)) if is_exact else format(value, ".15g"))
    return PlainNumber(str(value))
