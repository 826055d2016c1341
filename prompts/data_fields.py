"""The one way by which text that others wrote enters a prompt: delimited JSON data fields.

Listing text, retrieved documents and models' own answers can hold anything, orders to the model included. Here every
string is cut to a length, loses what carries structure (our own delimiters, chat-template tokens, role headers, code
fences, invisible and control characters), and is written as JSON between ``<data name="...">`` and ``</data>``. What an
ordinary title says is kept character for character, so that quotes of it stay verbatim.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from epm.prompts.chat_marks import without_marks

FIELD_CHARS = {"title": 500, "description": 2_000}
OTHER_FIELD_CHARS = 300
MAX_FIELDS = 40
"""A listing with more attributes than this is a page dump; the first ones are the ones that shops put first."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ud800-\udfff]|[\U000e0000-\U000e007f]"
)


def clean_text(text: str, limit_chars: int = OTHER_FIELD_CHARS) -> str:
    """The text without reserved sequences and invisible characters, at most ``limit_chars`` long."""
    cleaned = _unmarked(text[: 4 * limit_chars])[:limit_chars]
    while (again := _unmarked(cleaned)) != cleaned:
        # a cut can end a mark
        cleaned = again
    return cleaned


def _unmarked(text: str) -> str:
    return without_marks(_INVISIBLE.sub("", text))


def listing_fields(texts: Mapping[str, str]) -> dict[str, str]:
    """A listing's texts (``Listing.texts()``), each cleaned and cut for its field; emptied fields are left out."""
    cleaned = (
        (clean_text(name, 60), clean_text(value, FIELD_CHARS.get(name, OTHER_FIELD_CHARS)))
        for name, value in list(texts.items())[:MAX_FIELDS]
    )
    return {name: value for name, value in cleaned if value.strip()}


def clean_value(value: object, limit_chars: int = 1_000) -> object:
    """A JSON value with every string in it cleaned; mappings and sequences keep at most ``MAX_FIELDS`` entries."""
    if isinstance(value, str):
        return clean_text(value, limit_chars)
    if isinstance(value, Mapping):
        return {clean_text(str(key), 60): clean_value(inner, limit_chars) for key, inner in list(value.items())[:MAX_FIELDS]}
    if isinstance(value, Sequence):
        return [clean_value(inner, limit_chars) for inner in value[:MAX_FIELDS]]
    return value


def data_block(name: str, value: object) -> str:
    """One delimited data field: JSON on the lines between its opening and closing mark. The value must be cleaned already."""
    return f'<data name="{name}">\n{json.dumps(value, ensure_ascii=False, separators=(",", ":"))}\n</data>'


def listing_block(name: str, texts: Mapping[str, str]) -> str:
    """The data field of a listing."""
    return data_block(name, listing_fields(texts))


def value_block(name: str, value: object) -> str:
    """The data field of any other value that holds foreign text: answers, rivals, rationales, tool results."""
    return data_block(name, clean_value(value))
