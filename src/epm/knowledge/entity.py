"""The key under which answers about a product are filed: brand and model code as the evidence engine reads them.

Models name one product in many ways (``Kolvra KX-120``, ``kolvra kx120 kettle``), and an answer filed under one is no use
under another. Case, accents, hyphens and spaces never count. A name without a code keeps all its words, in any order:
fewer would stand for several products.
"""

from __future__ import annotations

import re
from functools import lru_cache

from epm.evidence.code_atoms import code_strength
from epm.evidence.engine import read_texts
from epm.evidence.normalise import fold, tokens

_KEY = re.compile(r"[^\W_]*:[^\W_]+(?: [^\W_]+)*")
"""What this function and the rules' questions return: such a text is a key already."""


@lru_cache(maxsize=65536)
def entity_key(text: str) -> str:
    """``brand:code``, or ``brand:words of the name``, for what a model or a person calls a product; a key stays as it is."""
    plain = " ".join(text.casefold().split())
    if _KEY.fullmatch(plain):
        return plain
    listing = read_texts({"title": text})
    brand = listing.first("brand")
    maker = brand.key if brand is not None else ""
    codes = [code.key for code in (*listing.of("model"), *listing.of("mpn"), *listing.of("asin")) if code.key != maker]
    if codes:
        return f"{maker}:{max(codes, key=lambda code: (code_strength(code), code))}"
    words = sorted({token.key for token in tokens(fold("title", text))} - {maker})
    return f"{maker}:{' '.join(words)}" if words or maker else plain
