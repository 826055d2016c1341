"""Folding and tokens: lower-cased, unaccented text whose every character knows its place in the raw text.

Invariant: a token's ``start`` and ``end`` are offsets into the raw field text, so every value read from folded text can
be quoted verbatim. Text beyond ``MAX_CHARS`` of a field is not read: a page pasted into a title must not cost minutes.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

MAX_CHARS = 2000
"""Characters read of one field: far beyond any real title, and enough of a description."""

_TOKEN = re.compile(r"[^\W_]+")
_CONFUSABLES = str.maketrans(
    "авеёкмнорстухіјѕԁԛԝһӏαβερτυικνχοΑΒΕΖΗΙΚΜΝΟΡΤΥΧıłđðħŧɡɑ", "abeekmhopctyxijsdqwhlabeptuiknxoabezhikmnoptyxilddhtga"
)
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
    "⁄": "/",
    "ß": "ss",
    "ẞ": "ss",
    "æ": "ae",
    "ø": "o",
    "œ": "oe",
    "\u115f": " ",  # Hangul fillers: letters to Unicode, blanks to the eye
    "\u1160": " ",
    "\u3164": " ",
    "\uffa0": " ",
}
_REMOVED = {"®", "™", "©"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75", "⅛": ".125", "⅜": ".375", "⅝": ".625", "⅞": ".875", "⅓": ".333", "⅔": ".667"}
_ENTITY = r"&(?:amp;){0,2}(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});"
_BYTES = {bytes([n]).decode("cp1252", "replace"): n for n in range(0x80, 0x100)} | {chr(n): n for n in range(0x80, 0xA0)}
"""The byte that a character was before UTF-8 was read as cp1252 (or as Latin-1, where cp1252 has no such character)."""
_TAIL = "[" + re.escape("".join(char for char, n in _BYTES.items() if n in range(0x80, 0xC0) and char != "\ufffd")) + "]"
# Only the lead bytes of Latin letters, punctuation, full-width forms and emoji: "NESCAFÉ®" is no damaged text.
_DAMAGED = re.compile(rf"{_ENTITY}|[ÂÃ]{_TAIL}|Å[“’\x93\x92]|[âï]{_TAIL}{{2}}|ð{_TAIL}{{3}}")


@dataclass(frozen=True, slots=True)
class Folded:
    """The folded text of one field; its i-th character stands for ``raw[offsets[i]:ends[i]]``.

    ``offsets`` is ``None`` when all places agree, ``ends`` when every character stands for one raw character.
    """

    field: str
    raw: str
    text: str
    offsets: tuple[int, ...] | None
    ends: tuple[int, ...] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The raw (start, end) of a span of the folded text; ``end`` is exclusive and larger than ``start``."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1 if self.ends is None else self.ends[end - 1]


class Token(NamedTuple):
    """A word or number: its folded text and its place in the folded text."""

    key: str
    start: int
    end: int


@lru_cache(maxsize=65536)
def _fold_char(char: str) -> str:
    if char in _REMOVED:
        return ""
    plain = _PUNCTUATION.get(char)
    if plain is not None:
        return plain
    if unicodedata.category(char) in {"Cf", "Mn"}:
        return ""
    # Capitals first: a Greek Eta looks like an H, its small letter like nothing Latin.
    folded = unicodedata.normalize("NFKD", char.translate(_CONFUSABLES).lower().translate(_CONFUSABLES)).lower()
    return "".join(_PUNCTUATION.get(c, c) for c in folded if not unicodedata.combining(c))


def fold(field: str, raw: str) -> Folded:
    """The folded form of a field's first ``MAX_CHARS`` characters, with damaged stretches read as what they were."""
    text = raw[:MAX_CHARS]
    if text.isascii() and ("&" not in text or ";" not in text):
        return Folded(field, raw, text.lower(), None)
    # Half a surrogate pair, as JSON escapes can bring it, is no text: it cannot be quoted, so the mark of a lost character stands for it.
    raw, text = (_SURROGATE.sub("\ufffd", side) for side in (raw, text))
    chars: list[str] = []
    offsets: list[int] = []
    ends: list[int] = []
    for start, end, clean in _pieces(text):
        if clean in _FRACTIONS:
            folded = _fraction(clean, chars, offsets, ends)
        else:
            folded = _fold_char(clean) if len(clean) == 1 else "".join([_fold_char(char) for char in clean])
        chars.extend(folded)
        offsets.extend([start] * len(folded))
        ends.extend([end] * len(folded))
    return Folded(field, raw, "".join(chars), tuple(offsets), tuple(ends))


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """Each character with its place; an entity or a wrongly decoded sequence is one piece, with the text that it stands for."""
    place = 0
    for found in _DAMAGED.finditer(text):
        clean = _repaired(found.group())
        if clean is None:
            continue
        yield from ((at, at + 1, text[at]) for at in range(place, found.start()))
        yield found.start(), found.end(), clean
        place = found.end()
    yield from ((at, at + 1, text[at]) for at in range(place, len(text)))


@lru_cache(maxsize=4096)
def _repaired(damaged: str) -> str | None:
    """What a damaged stretch was before, or ``None`` if it is whole."""
    if damaged[0] == "&":
        clean = html.unescape(html.unescape(html.unescape(damaged)))
        return None if clean == damaged else clean
    try:
        return bytes(_BYTES[char] for char in damaged).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _fraction(char: str, chars: list[str], offsets: list[int], ends: list[int]) -> str:
    """``½`` as a decimal: ``1½`` and ``1 ½`` are ``1.5``."""
    if chars[-1:] == [" "] and chars[-2:-1] and chars[-2].isdigit():
        for places in (chars, offsets, ends):
            places.pop()
    return _FRACTIONS[char] if chars and chars[-1].isdigit() else f"0{_FRACTIONS[char]}"


def tokens(folded: Folded) -> tuple[Token, ...]:
    """The words and numbers of a folded text in order."""
    return tuple([Token(found.group(), *found.span()) for found in _TOKEN.finditer(folded.text)])


def squeeze(text: str) -> str:
    """Letters and digits of the folded text alone: ``KX-120/EU`` becomes ``kx120eu``."""
    return "".join(token.key for token in tokens(fold("", text)))
