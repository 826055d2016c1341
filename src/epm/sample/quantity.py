"""Exact amounts and the ways sellers write them: 500 ml is also 0.5 l, 0,5 l and 50 cl."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from epm.sample.world import Dimension, shared_words

_UNITS: dict[str, tuple[tuple[str, int], ...]] = {
    "volume": (("ml", 1), ("l", 1000), ("cl", 10), ("L", 1000)),
    "mass": (("g", 1), ("kg", 1000)),
    "data": (("GB", 1), ("TB", 1000)),
    "length": (("mm", 1), ("cm", 10), ("m", 1000)),
}
"""Unit names with their size in the smallest unit of the dimension; sellers use the rare ones last."""

_RARE_UNITS = frozenset({"cl", "L"})
_DECIMALS = 2
_SMALLEST = Fraction(1, 4)
_LARGEST = {"cl": 150}
_LARGEST_OTHER = 2000
"""Beyond these numbers nobody uses the unit: a backpack of 1200 cl, a hose of 25000 mm."""


@lru_cache(maxsize=8192)
def quantity_forms(dimension: Dimension, amount: int, language: str) -> tuple[str, ...]:
    """Every spelling of an amount in a language, the usual one first; all of them mean exactly the same."""
    if dimension == "shoe":
        return tuple(form.format(n=amount) for form in shared_words().size[language])
    if dimension == "inch":
        return tuple(form.format(n=amount) for form in shared_words().inch[language])
    written = [
        (number, unit)
        for unit, scale in _UNITS[dimension]
        if (number := _number(Fraction(amount, scale), _LARGEST.get(unit, _LARGEST_OTHER), is_comma=language != "en")) is not None
    ]
    written.sort(key=lambda form: (form[1] in _RARE_UNITS, len(form[0])))
    return tuple(f"{number}{gap}{unit}" for number, unit in written for gap in (" ", ""))


def _number(value: Fraction, largest: int, *, is_comma: bool) -> str | None:
    if value > largest or value < _SMALLEST or (value * 10**_DECIMALS).denominator != 1:
        return None
    text = f"{float(value):.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if is_comma else text
