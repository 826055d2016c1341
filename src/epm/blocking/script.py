"""The writing system of a text: two titles in different ones share no letters, whatever they say."""

from __future__ import annotations

import unicodedata
from collections import Counter

_ONE_SYSTEM = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}
"""Japanese mixes three: which of them prevails in a title says nothing."""


def main_script(text: str) -> str | None:
    """The script of most letters as Unicode names it (``LATIN``, ``HANGUL``, ``CYRILLIC``), ``None`` without any letter."""
    letters = (unicodedata.name(char, "").partition(" ")[0] for char in unicodedata.normalize("NFKC", text) if char.isalpha())
    counts = Counter(_ONE_SYSTEM.get(script, script) for script in letters if script)
    return min(counts, key=lambda script: (-counts[script], script), default=None)
