"""Identifiers that went through a spreadsheet: what can be restored exactly, and what is lost for good.

``4.00638E+12`` has lost its last digits, so that different products share it; ``12345678905`` has lost a leading zero,
which its check digit proves; ``="00123"`` and ``'00123`` carry marks that were meant for the spreadsheet alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from epm.evidence.identifiers import has_valid_check_digit

_SCIENTIFIC = re.compile(r"([-+]?\d(?:[.,]\d+)?)[eE]\+?(\d{1,2})")
_FORMULA = re.compile(r'="(.*)"')
_DATE = re.compile(
    r"\d{1,2}[. -]{1,2}(?:jan|feb|mar|mrz|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]*\.?|"
    r"(?:jan|feb|mar|mrz|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[. -]\d{2}",
    re.IGNORECASE,
)
_ERRORS = frozenset({"#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#BEZUG!", "#WERT!", "#ZAHL!"})
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[T ][\d:.]+)?|\d{1,2}([./])\d{1,2}\1\d{2,4}")
_MOMENT = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ]\d{2}:\d{2}[\d:.]*)?|\d{2}:\d{2}:\d{2}(?:\.\d+)?|"
    r"(?:(?:0?[1-9]|[12]\d|3[01])([./])(?:0?[1-9]|1[0-2])\1|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/)(?:19|20)\d{2}"
)
"""A whole day, or a time with seconds, as a workbook's date cells and exports show them; part numbers such as ``10.20.300`` are none."""
_ROUNDED = re.compile(r"(?=\d{12,14}$)\d*[1-9]\d*0{6}")
"""A number saved again after its last digits were gone; of a million GTINs, about one ends so by itself."""
_GTIN_LENGTHS = (8, 12, 13, 14)
_SHORT_LENGTHS = (7, 9, 10, 11)
_ISBN10_LENGTH = 10
_MIN_EXPONENT = 7
"""A part number such as ``2E3`` is no damaged code; a spreadsheet writes numbers so from twelve digits, programs sooner."""


class Damage(StrEnum):
    """What a spreadsheet did to a code."""

    DIGITS_LOST = "digits lost"
    ZEROS_LOST = "leading zeros lost"
    MARKED = "written with marks"
    DATED = "turned into a date"
    FORMULA_ERROR = "a formula error"


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it should be read; ``damage`` says what was found, and ``text`` is ``None`` if that cannot be undone."""

    text: str | None
    damage: Damage | None = None


def is_formula_error(cell: str) -> bool:
    """True for ``#REF!`` and its kin, which stand where a spreadsheet could not compute a value."""
    return cell.strip().upper() in _ERRORS


def is_date(cell: str) -> bool:
    """True for a day such as ``2024-05-03``, ``03.05.2024`` or ``3-May``, which spreadsheets also make of numbers."""
    text = cell.strip()
    return _DAY.fullmatch(text) is not None or _DATE.fullmatch(text) is not None


def unmarked(cell: str) -> str:
    """The text without the marks ``="…"`` and a leading apostrophe, which keep a spreadsheet from reading it as a number."""
    text = cell.strip()
    marked = _FORMULA.fullmatch(text)
    return marked.group(1).strip() if marked else text[1:] if text.startswith("'") and len(text) > 1 else text


def restore_code(cell: str, *, is_gtin: bool) -> Code:
    """The code of a cell, undamaged if that is provable.

    Args:
        cell: the cell's text.
        is_gtin: zeros are restored to GTINs only, whose check digit proves them; other codes may be of any length.
    """
    text = cell.strip()
    if is_formula_error(text):
        return Code(None, Damage.FORMULA_ERROR)
    bare = unmarked(text)
    whole = re.sub(r"^(\d+)[.,]0+$", r"\1", bare) if is_gtin else re.sub(r"^(\d{5,})\.0$", r"\1", bare)
    damage = Damage.MARKED if whole != text else None
    scientific = _SCIENTIFIC.fullmatch(whole)
    if scientific is not None and int(scientific.group(2)) >= _MIN_EXPONENT:
        return _from_scientific(scientific.group(1).replace(",", "."), int(scientific.group(2)), is_gtin=is_gtin)
    if is_gtin and _ROUNDED.fullmatch(whole):
        return Code(None, Damage.DIGITS_LOST)
    if _DATE.fullmatch(whole) or _MOMENT.fullmatch(whole):
        return Code(None, Damage.DATED)
    if is_gtin and (padded := _with_zeros(whole)) is not None:
        return Code(padded, Damage.ZEROS_LOST)
    return Code(whole, damage)


def _from_scientific(mantissa: str, exponent: int, *, is_gtin: bool) -> Code:
    n_decimals = len(mantissa.partition(".")[2])
    if n_decimals < exponent or mantissa.startswith("-"):
        return Code(None, Damage.DIGITS_LOST)
    digits = str(int(Decimal(mantissa).scaleb(exponent)))
    return Code((_with_zeros(digits) if is_gtin else None) or digits, Damage.MARKED)


def _with_zeros(digits: str) -> str | None:
    if len(digits) not in _SHORT_LENGTHS or not (digits.isascii() and digits.isdigit()) or _is_isbn10(digits):
        return None
    padded = digits.zfill(next(length for length in _GTIN_LENGTHS if length > len(digits)))
    return padded if has_valid_check_digit(padded) else None


def _is_isbn10(digits: str) -> bool:
    return len(digits) == _ISBN10_LENGTH and sum((10 - i) * int(digit) for i, digit in enumerate(digits)) % 11 == 0
