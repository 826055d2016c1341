"""Folding and tokens: lower-cased, unaccented text whose every character knows its place in the raw text.

Invariant: a token's ``start`` and ``end`` are offsets into the raw field text, so every value read from folded text can
be quoted verbatim. Text beyond ``MAX_CHARS`` of a field is not read: a page pasted into a title must not cost minutes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARS = 2000
"""Characters read of one field: far beyond any real title, and enough of a description."""

_TOKEN = re.compile(r"[^\W_]+")
_CONFUSABLES = str.maketrans("авеёкмнорстухіјѕԁԛԝαβερτυικνχοΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abeekmhopctyxijsdqwabeptuiknxoabezhikmnoptyx")
_PUNCTUATION = {
    "×": "x",
    "✕": "x",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "−": "-",
    "’": "'",
    "‘": "'",
    "″": '"',
    "“": '"',
    "”": '"',
    "‚": ",",
    "ß": "ss",
    "ẞ": "ss",
    "æ": "ae",
    "ø": "o",
    "œ": "oe",
}
_REMOVED = {"®", "™", "©"}


@dataclass(frozen=True, slots=True)
class Folded:
    """The folded text of one field; ``offsets[i]`` is the raw place of its i-th character, ``None`` when places agree."""

    field: str
    raw: str
    text: str
    offsets: tuple[int, ...] | None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The raw (start, end) of a span of the folded text; ``end`` is exclusive and larger than ``start``."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number: its folded text and its place in the folded text."""

    key: str
    start: int
    end: int


@lru_cache(maxsize=65536)
def _fold_char(char: str) -> str:
    if char in _REMOVED or unicodedata.category(char) in {"Cf", "Mn"}:
        return ""
    plain = _PUNCTUATION.get(char)
    if plain is not None:
        return plain
    folded = unicodedata.normalize("NFKD", char.lower().translate(_CONFUSABLES))
    return "".join(c for c in folded if not unicodedata.combining(c))


def fold(field: str, raw: str) -> Folded:
    """The folded form of a field's first ``MAX_CHARS`` characters."""
    text = raw[:MAX_CHARS]
    if text.isascii():
        return Folded(field, raw, text.lower(), None)
    chars: list[str] = []
    offsets: list[int] = []
    for place, char in enumerate(text):
        folded = _fold_char(char)
        chars.append(folded)
        offsets.extend([place] * len(folded))
    return Folded(field, raw, "".join(chars), tuple(offsets))


def tokens(folded: Folded) -> tuple[Token, ...]:
    """The words and numbers of a folded text in order."""
    return tuple(Token(found.group(), found.start(), found.end()) for found in _TOKEN.finditer(folded.text))


def squeeze(text: str) -> str:
    """Letters and digits of the folded text alone: ``KX-120/EU`` becomes ``kx120eu``."""
    return "".join(token.key for token in tokens(fold("", text)))
