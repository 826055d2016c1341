"""What an error's body says, cut to what a person reads before any library's patterns scan it."""

from __future__ import annotations

import json
import re
from html import unescape

_TEXT_CHARS = 1_000
_MAX_ITEMS = 20
_MAX_DEPTH = 5
_HEAD_CHARS = 4 * 1024
"""A page's title stands in its first lines."""
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_SKIPPED = re.compile(r"<(script|style)\b.*?</\1", re.IGNORECASE | re.DOTALL)
_PAGE_CHARS = 200


def said_briefly(content: bytes) -> bytes:
    """What an error's body says, short enough for every library to read: JSON with its texts cut, or a page's title or first words."""
    text = content.decode("utf-8", "replace")
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return json.dumps(_cut(json.loads(text), _MAX_DEPTH)).encode()
        except (ValueError, RecursionError):
            pass
    return json.dumps({"error": {"message": first_words(text)}}).encode()


def _cut(value: object, depth: int) -> object:
    if isinstance(value, str):
        return first_words(value) if value.lstrip()[:1] == "<" else value[:_TEXT_CHARS]
    if depth == 0:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, dict):
        return {str(key)[:100]: _cut(part, depth - 1) for key, part in list(value.items())[:_MAX_ITEMS]}
    if isinstance(value, list):
        return [_cut(part, depth - 1) for part in value[:_MAX_ITEMS]]
    return value


def first_words(page: str) -> str:
    """The title of a page, or its first words without markup: at most 200 characters."""
    head = page[:_HEAD_CHARS]
    title = _TITLE.search(head)
    text = title.group(1) if title else _TAG.sub(" ", _SKIPPED.sub(" ", head))
    return " ".join(unescape(text).split())[:_PAGE_CHARS] or "an empty answer"
