"""GTIN-13 numbers that look real and belong to no company: their GS1 prefixes (150-189) are not assigned."""

from __future__ import annotations

from zlib import crc32

_FREE_PREFIXES = 40
_BODY_DIGITS = 9


def check_digit(body: str) -> int:
    """The modulo-10 check digit of the digits before it: weights 3, 1, 3 … from the right."""
    return -sum(int(digit) * (1 if i % 2 else 3) for i, digit in enumerate(reversed(body))) % 10


def gtin13(brand: str, product_key: str) -> str:
    """A valid GTIN-13, always the same for the same brand and product key."""
    prefix = 150 + crc32(brand.encode()) % _FREE_PREFIXES
    salted = crc32(product_key.encode()) * 7 + crc32(product_key[::-1].encode())
    body = f"{prefix}{salted % 10**_BODY_DIGITS:0{_BODY_DIGITS}d}"
    return f"{body}{check_digit(body)}"


def part_number(product_key: str) -> str:
    """A numeric manufacturer part number such as ``4821-077``, always the same for the same product key."""
    number = crc32(b"part" + product_key.encode())
    return f"{1000 + number % 9000}-{number // 9000 % 1000:03d}"
