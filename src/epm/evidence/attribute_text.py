"""The two running texts of an offer as the attribute readers see them, and the small grammar they share.

Descriptions taken from pages often lost the space between two sentences (``BlackCOLOR: Black``). A space is put back into the
folded text only; the offsets keep every span verbatim in the raw text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from epm.evidence.fields import Field, read_fields
from epm.evidence.normalise import MAX_CHARS, Folded, fold, tokens
from epm.evidence.words import word_list

_GLUE = re.compile(
    r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z]{3,})|(?<=\d)(?=[A-Z][a-z]{2})|(?<=[a-z])(?=\d+(?:-\d+/\d+)? ?x ?\d)|(?<=[A-Za-z0-9])(?=(?:COLOU?RS?|UPC|EAN|GTIN)\b ?:)"
)
_CHUNK = re.compile(r"[^\s,;:|()\[\]\"]+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of the raw text between spaces and separators: ``Ice-O-matic``, ``Kellogg's``."""

    text: str
    start: int
    end: int


def read_text(name: str, raw: str) -> Field:
    """The field of one running text that is not blank; sentences of a description that were glued together are parted."""
    if name != "description":
        return read_fields({name: raw})[0]
    folded = _parted(fold(name, raw))
    # No attribute reader looks for the engine's phrases in a description.
    return Field(name, folded, tokens(folded), {})


def _parted(folded: Folded) -> Folded:
    cuts = {m.start() for m in _GLUE.finditer(folded.raw[:MAX_CHARS])}
    if not cuts:
        return folded
    offsets = range(len(folded.text)) if folded.offsets is None else folded.offsets
    chars: list[str] = []
    places: list[int] = []
    previous = -1
    for char, place in zip(folded.text, offsets, strict=True):
        if place in cuts and place != previous:
            chars.append(" ")
            places.append(place)
        chars.append(char)
        places.append(place)
        previous = place
    return Folded(folded.field, folded.raw, "".join(chars), tuple(places))


def chunks(field: Field) -> tuple[Chunk, ...]:
    """The chunks of the folded text, without closing full stops of sentences."""
    found = []
    for m in _CHUNK.finditer(field.folded.text):
        text = m.group().rstrip("-/")
        if any(c.isalnum() for c in text):
            found.append(Chunk(text, m.start(), m.start() + len(text)))
    return tuple(found)


def is_capital(field: Field, start: int) -> bool:
    """True if the raw text at that folded place begins like a name: a capital letter or a digit."""
    char = field.folded.raw[field.folded.place(start, start + 1)[0]]
    return char.isupper() or char.isdigit()


@lru_cache(maxsize=64)
def alternatives(kind: str, *values: str) -> str:
    """A regular expression of the folded phrases of a word file (of those values), the longest first."""
    lists: Mapping[str, tuple[str, ...]] = word_list(kind)
    forms = {fold("", form).text for value in (values or lists) for form in lists[value]}
    return "(?:" + "|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))) + ")"


@lru_cache(maxsize=64)
def word_pattern(kind: str, *values: str) -> re.Pattern[str]:
    """The phrases of a word file as whole words."""
    return re.compile(rf"(?<![^\W_]){alternatives(kind, *values)}(?![^\W_])")


def says_any(fields: Iterable[Field], kind: str, *values: str) -> bool:
    """True if one of the fields says one of these phrases."""
    pattern = word_pattern(kind, *values)
    return any(pattern.search(field.folded.text) for field in fields)
