"""Prices: the decimal mark of a column, and one cell as a plain number with its currency."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from epm.tables.cells import PlainNumber
from epm.tables.mapping import DecimalMark, DecimalStyle
from epm.tables.spreadsheet import is_date, unmarked

_SYMBOLS = {
    "€": "EUR", "£": "GBP", "₩": "KRW", "₽": "RUB", "₹": "INR", "₺": "TRY", "₴": "UAH", "zł": "PLN", "kč": "CZK", "fr.": "CHF", "sfr.": "CHF",
    "us$": "USD", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD", "r$": "BRL", "euro": "EUR", "eur": "EUR", "원": "KRW", "円": "JPY",
}  # fmt: skip
"""What a symbol means wherever it is written; ``$``, ``¥`` and ``kr`` mean several currencies and are kept as they stand."""
_CODES = frozenset((
    "AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "MYR", "NOK", "NZD", "PEN", "PHP", "PLN", "RON",
    "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
))  # fmt: skip
_UNCLEAR = ("kr", "kr.", "rs", "rs.", "lei", "ft", "rm", "$", "¥", "nt$", "hk$", "s$", "mx$")
_NAMES = "|".join(re.escape(name) for name in sorted((*_SYMBOLS, *_CODES, *_UNCLEAR), key=len, reverse=True))
_PRICE = re.compile(
    rf"(?P<before>{_NAMES})?\s*(?P<number>[-+]?\d(?:[\d.,' ]*\d)?(?:[.,][-–—]+)?)\s*(?P<after>{_NAMES})?",
    re.IGNORECASE,
)
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'", "´": "'"})
_ROUND = re.compile(r"[.,][-–—]+$")
_TWO_MARKS = re.compile(r"[.'\s]\d{3},\d+$|,\d{3}\.\d+$")
_CENTS = re.compile(r"([.,])\d{1,2}$")
_GROUP = re.compile(r"\d{1,3}([.,])\d{3}$")


@dataclass(frozen=True, slots=True)
class Price:
    """A price as ``1299.00`` and its currency if the cell names one; a text that is no single price stays as written."""

    text: str
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class DecimalGuess:
    """The decimal mark of a column and how many cells speak for and against it; none of either means nothing was seen."""

    mark: DecimalMark
    n_for: int
    n_against: int
    is_sure: bool


def guess_decimal(cells: Iterable[str]) -> DecimalGuess:
    """The decimal mark that the prices use; ``1.299`` alone is read as thousands, and is no sure sign."""
    votes: dict[DecimalMark, int] = {".": 0, ",": 0}
    weak: dict[DecimalMark, int] = {".": 0, ",": 0}
    for cell in cells:
        found = _PRICE.fullmatch(_plain(cell))
        if found is None or isinstance(cell, PlainNumber):
            continue
        number = _ROUND.sub("", found.group("number").strip())
        if _TWO_MARKS.search(number):
            votes["," if "," in number[-4:] and number.rfind(",") > number.rfind(".") else "."] += 1
        elif (cents := _CENTS.search(number)) is not None:
            votes["," if cents.group(1) == "," else "."] += 1
        elif (group := _GROUP.search(number)) is not None:
            weak["." if group.group(1) == "," else ","] += 1
    counts = votes if any(votes.values()) else weak
    mark: DecimalMark = "," if counts[","] > counts["."] else "."
    other: DecimalMark = "." if mark == "," else ","
    return DecimalGuess(mark, counts[mark], counts[other], is_sure=counts is votes or not any(weak.values()))


def plain_price(cell: str, style: DecimalStyle) -> Price:
    """The price of a cell, by the decimal mark of its column or, if that is ``mixed``, by the cell's own.

    Raises:
        ValueError: a percentage, a date, a negative, or a number that does not follow the decimal mark.
    """
    if isinstance(cell, PlainNumber) and not cell.startswith("-"):
        return Price(str(cell), cell.currency and _currency(cell.currency))
    text = _plain(cell)
    _refuse_other(text)
    found = _PRICE.fullmatch(text)
    if found is None:
        return Price(cell.strip())
    number = _ROUND.sub("", found.group("number").strip())
    decimal = _own_mark(cell) if style == "mixed" else style
    if decimal is None:
        return Price(cell.strip())
    thousands = "." if decimal == "," else ","
    grouped = rf"[-+]?\d{{1,3}}(?:([{thousands}' ])\d{{3}})(?:\1\d{{3}})*(?:[{decimal}]\d+)?"
    if not re.fullmatch(rf"[-+]?\d+(?:[{decimal}]\d+)?|{grouped}", number):
        raise ValueError(
            f"does not follow the decimal mark {decimal!r}; correct the cell, or set decimal of this side to '.', ',' or 'mixed'"
        )
    amount = re.sub(rf"[{thousands}' ]", "", number).replace(",", ".").removeprefix("+")
    named = found.group("before") or found.group("after")
    return Price(amount, _currency(named) if named else None)


def _refuse_other(text: str) -> None:
    """Raises for a number that is surely no price."""
    if text.endswith("%") and any(char.isdigit() for char in text):
        raise ValueError("is a percentage, no price; map the column as an attribute or to nothing")
    if is_date(text):
        raise ValueError("is a date, no price, as a spreadsheet makes of numbers like 3.5; correct the cell, or map the column elsewhere")
    found = _PRICE.fullmatch(text)
    if found is not None and found.group("number").startswith("-"):
        raise ValueError("is negative, no price; correct the cell, or map the column as an attribute or to nothing")


def is_price(cell: str) -> bool:
    """True for a cell that is written as one amount; others that are no fault are kept as they stand."""
    return isinstance(cell, PlainNumber) or _PRICE.fullmatch(_plain(cell)) is not None


def is_refused(cell: str, style: DecimalStyle) -> bool:
    """True for a cell that :func:`plain_price` raises for."""
    try:
        plain_price(cell, style)
    except ValueError:
        return True
    return False


def _own_mark(cell: str) -> DecimalMark | None:
    """The mark that the cell shows by itself; ``None`` for ``1.299``, which may be a thousand or one and a fraction."""
    guess = guess_decimal([cell])
    return guess.mark if guess.is_sure else None


def _plain(cell: str) -> str:
    return unmarked(cell.translate(_SPACES))


def _currency(written: str) -> str:
    known = _SYMBOLS.get(written.casefold())
    return known or (written.upper() if written.upper() in _CODES else written)
