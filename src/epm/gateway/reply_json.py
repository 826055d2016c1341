"""The one JSON object in a reply that says more than that: in a code fence, or between words.

A repair costs a whole call, so what can be read without doubt is read. Two different objects are a doubt: nothing is
chosen between them, and the reply stays as it is, to be repaired.
"""

from __future__ import annotations

import json
import re

_FENCE = re.compile(r"```(?:json)?[ \t]*\r?\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_MAX_OBJECTS = 20
"""Openings that are tried: a reply of braces alone must not be read again from each of them."""


def only_json(text: str) -> str:
    """The reply's only JSON object as text; the reply unchanged where it has none, or several different ones."""
    bare = text.lstrip("\ufeff").strip()
    if _object(bare) is not None:
        return bare
    fenced = [part.strip() for part in _FENCE.findall(bare)]
    found = [part for part in fenced if _object(part) is not None]
    outside = _FENCE.sub(" ", bare) if found else bare
    found += _objects_between_words(outside)
    different = {json.dumps(_object(part), sort_keys=True): part for part in found}
    return next(iter(different.values())) if len(different) == 1 else text


def _object(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _objects_between_words(text: str) -> list[str]:
    """The outermost objects. One that does not end well ends the search: what stands in it was not meant to stand alone."""
    decoder, found, start = json.JSONDecoder(), list[str](), text.find("{")
    while start >= 0 and len(found) < _MAX_OBJECTS:
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return []
        found.append(text[start:end])
        start = text.find("{", end)
    return found
