"""Forms of a GTIN: the check digit, the older numbers that stand for one (ISBN-10, UPC-E), and the item inside a case."""

from __future__ import annotations

import re

_ISBN_10 = re.compile(r"\d{9}[\dx]")
_ISBN_PREFIX = "978"
_ISBN_MODULUS = 11
_UPC_E = re.compile(r"[01]\d{7}")
_CASE_INDICATORS = "12345678"
"""First digits of a GTIN-14 that stands for a case of equal items; 9 marks goods of variable measure."""


def check_digit(body: str) -> str:
    """The mod-10 check digit of the digits before it (weights 3, 1, 3 … from the right)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def gtin_of_isbn10(text: str) -> str | None:
    """The 14-digit GTIN of an ISBN-10 with a right check character, else ``None``; separators are ignored."""
    squeezed = "".join(c for c in text.lower() if c.isascii() and c.isalnum())
    if _ISBN_10.fullmatch(squeezed) is None:
        return None
    total = sum((10 - place) * (10 if c == "x" else int(c)) for place, c in enumerate(squeezed))
    body = f"0{_ISBN_PREFIX}{squeezed[:9]}"
    return body + check_digit(body) if total % _ISBN_MODULUS == 0 else None


def gtin_of_upc_e(digits: str) -> str | None:
    """The 14-digit GTIN of a compressed UPC of 8 digits with a right check digit, else ``None``."""
    if _UPC_E.fullmatch(digits) is None:
        return None
    system, d, check = digits[0], digits[1:7], digits[7]
    maker_item = {
        "0": d[:2] + d[5] + "00" + "00" + d[2:5], "1": d[:2] + d[5] + "00" + "00" + d[2:5], "2": d[:2] + d[5] + "00" + "00" + d[2:5],
        "3": d[:3] + "00" + "000" + d[3:5], "4": d[:4] + "0" + "0000" + d[4],
    }.get(d[5], d[:5] + "0000" + d[5])  # fmt: skip
    body = f"00{system}{maker_item}"
    return body + check if check_digit(body) == check else None


def inner_item(gtin14: str) -> str | None:
    """The GTIN of the item inside a case, or ``None`` if the number stands for no case."""
    if gtin14[0] not in _CASE_INDICATORS:
        return None
    body = f"0{gtin14[1:13]}"
    return body + check_digit(body)
