"""Verdicts fit their quotes: equal values are not ``different``, clearly unequal ones are not ``same``.

Only what a program can be sure of counts: spelling apart, equal text; codes digit by digit; numbers with units. Other
wordings and other languages may or may not mean the same, and are left to judges that read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from epm.evidence.identifiers import gtin_digits, has_valid_check_digit
from epm.evidence.quantities import parse_number, units
from epm.judges.faults import Fault
from epm.rationale import Axis, Comparison, Rationale, Verdict

_KEPT = re.compile(r"(?<=\d)[.,](?=\d)|[^\W_]|[+%\"']")
_MEASURE = re.compile(r"(\d{1,7}(?:[.,]\d{1,4})?)\s*-?\s*([^\d\W]{1,12}|\"|')")
_CODES = frozenset({"mpn", "asin", "model"})
_MIN_CODE = 4
_RELATIVE = Decimal("0.03")


class Likeness(StrEnum):
    """How sure a program can be about two quotes."""

    EQUAL = "equal"
    UNEQUAL = "unequal"
    OPEN = "open"


def plausibility_faults(rationale: Rationale) -> Iterator[Fault]:
    """One fault for each cell whose verdict its own quotes contradict, or that rests on a code with a wrong check digit."""
    for axis in Axis:
        for cell in rationale.finding(axis).comparisons:
            if cell.left is None or cell.right is None:
                continue
            likeness = compare_quotes(cell.attribute.casefold(), cell.left, cell.right)
            shown = f"{cell.attribute} {cell.left[:40]!r} and {cell.right[:40]!r}"
            if likeness is Likeness.EQUAL and cell.verdict is Verdict.DIFFERENT:
                yield Fault(axis, "unsound", "verdicts", f"{shown} are equal, yet called different")
            elif likeness is Likeness.UNEQUAL and cell.verdict is Verdict.SAME:
                yield Fault(axis, "unsound", "verdicts", f"{shown} are unequal, yet called same")
            elif likeness is Likeness.EQUAL and cell.verdict is Verdict.UNKNOWN and _must_decide(cell):
                yield Fault(axis, "partial", "verdicts", f"{shown} are equal, yet called unknown")
            elif _is_bad_gtin(cell) and cell.verdict is not Verdict.UNKNOWN:
                yield Fault(axis, "partial", "check digits", f"{shown}: a code with a wrong check digit proves nothing")


@lru_cache(maxsize=65536)
def compare_quotes(attribute: str, left: str, right: str) -> Likeness:
    """Whether two quotes are surely equal, surely unequal, or neither."""
    plain_left, plain_right = _plain(left), _plain(right)
    if attribute == "gtin":
        digits_left, digits_right = gtin_digits(left), gtin_digits(right)
        if digits_left is not None and digits_right is not None:
            return Likeness.EQUAL if digits_left == digits_right else Likeness.UNEQUAL
    if plain_left and plain_left == plain_right:
        return Likeness.EQUAL
    if attribute in _CODES:
        return _compare_codes(plain_left.replace(".", ""), plain_right.replace(".", ""))
    measures = _measure(left), _measure(right)
    return Likeness.OPEN if measures[0] is None or measures[1] is None else _compare_measures(measures[0], measures[1])


def _compare_measures(left: tuple[str, Decimal], right: tuple[str, Decimal]) -> Likeness:
    if left[0] != right[0]:
        return Likeness.OPEN
    if left[1] == right[1]:
        return Likeness.EQUAL
    # Shops round: 15.6" and 39.6 cm are one size, 500 GB and 512 GB sometimes.
    is_close = abs(left[1] - right[1]) <= _RELATIVE * max(left[1], right[1])
    return Likeness.OPEN if is_close else Likeness.UNEQUAL


def _compare_codes(left: str, right: str) -> Likeness:
    if left == right:
        return Likeness.EQUAL
    if min(len(left), len(right)) < _MIN_CODE or left in right or right in left:
        return Likeness.OPEN
    has_digits = any(c.isdigit() for c in left) and any(c.isdigit() for c in right)
    return Likeness.UNEQUAL if has_digits else Likeness.OPEN


def _must_decide(cell: Comparison) -> bool:
    """Equal names may still be too little to go by, and a code with a wrong check digit always is."""
    return cell.attribute.casefold() != "name" and not _is_bad_gtin(cell)


def _is_bad_gtin(cell: Comparison) -> bool:
    if cell.attribute.casefold() != "gtin":
        return False
    digits = [gtin_digits(quote) for quote in (cell.left, cell.right) if quote is not None]
    return any(found is None or not has_valid_check_digit(found) for found in digits)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(_KEPT.findall(folded)).replace(",", ".")


@lru_cache(maxsize=65536)
def _measure(text: str) -> tuple[str, Decimal] | None:
    found = _MEASURE.fullmatch(unicodedata.normalize("NFKC", text).casefold().strip())
    if found is None or found.group(2) not in units():
        return None
    dimension, factor = units()[found.group(2)]
    return dimension, parse_number(found.group(1)) * factor
