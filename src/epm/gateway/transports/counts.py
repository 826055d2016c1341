"""Token counts in a reply that are no counts at all: words, fractions, negative or nested ones, more than any model can count.

Vendors' libraries read the counts before we do, and fail on such values or reckon a price from them. So they are set to
zero in the reply's bytes, which is no count either, and what was said is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_PARTS = frozenset({"usage", "usageMetadata", "meta", "token_usage"})
"""Where vendors' replies state counts: OpenAI's and Anthropic's name, Gemini's, Cohere's."""
_OLLAMA = frozenset({"eval_count", "prompt_eval_count"})
_COUNTS = re.compile(r"_tokens$|TokenCount$")
_MOST_TOKENS = 10_000_000
"""No model's context holds more."""
_DEPTH = 4
_SAID_CHARS = 60


def without_odd_counts(content: bytes) -> tuple[bytes, str | None]:
    """The reply with zeros for impossible counts, and the first of them as ``name=value``; ``None`` where there is none.

    Raises:
        RecursionError: the reply's JSON nests too deep to be read.
    """
    if b'"' not in content:
        return content, None
    try:
        value = json.loads(content)
    except ValueError:
        return content, None
    said = list(_mended(value)) if isinstance(value, dict) else []
    return (json.dumps(value).encode(), said[0]) if said else (content, None)


def _mended(value: dict[str, object]) -> Iterator[str]:
    """Set odd counts to zero in place, and say which."""
    for name in [name for name in value if name in _PARTS or name in _OLLAMA]:
        part = value[name]
        if isinstance(part, dict):
            yield from _mended_part(part, _DEPTH)
        elif part is not None and not (name in _OLLAMA and _is_count(part)):
            value[name] = 0 if name in _OLLAMA else None
            yield f"{name}={str(part)[:_SAID_CHARS]}"


def _mended_part(part: dict[str, object], depth: int) -> Iterator[str]:
    for name, count in part.items():
        if _COUNTS.search(name) and count is not None and not _is_count(count):
            part[name] = 0
            yield f"{name}={str(count)[:_SAID_CHARS]}"
        elif isinstance(count, dict) and depth:
            yield from _mended_part(count, depth - 1)


def _is_count(count: object) -> bool:
    if isinstance(count, bool) or not isinstance(count, int | float):
        return False
    return 0 <= count <= _MOST_TOKENS and count == int(count)
