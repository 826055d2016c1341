"""Long text as overlapping passages, cut where a paragraph or a sentence ends.

A passage is as long as the embedder reads, so that all of it counts in the search. Each is a verbatim slice of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from epm.knowledge.embedder import READ_CHARS

OVERLAP_CHARS = 100
"""How much of one passage the next repeats at most: about a sentence, so that what it refers to stands beside it."""
_END = re.compile(r"\n[^\S\n]*\n\s*|\n|(?<=[.!?。！？])\s+")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")


def passages(text: str, *, limit_chars: int = READ_CHARS, overlap_chars: int = OVERLAP_CHARS) -> list[str]:
    """The passages of a text in order, none longer than ``limit_chars``; together they hold everything but white space."""
    units = list(_units(text, limit_chars))
    found: list[str] = []
    first = 0
    while first < len(units):
        last = _last_of(units, first, text, limit_chars)
        found.append(text[units[first][0] : units[last][1]].strip())
        if last == len(units) - 1:
            break
        after = last + 1
        first = next((i for i in range(first + 1, after) if _joins(units, i, after, overlap_chars, limit_chars)), after)
    return found


def _last_of(units: list[tuple[int, int]], first: int, text: str, limit_chars: int) -> int:
    """The last unit of a passage: as many as fit, less those behind a paragraph's end in its second half."""
    last = first
    while last + 1 < len(units) and units[last + 1][1] - units[first][0] <= limit_chars:
        is_paragraph = _PARAGRAPH.match(text, units[last][1]) is not None
        if is_paragraph and 2 * (units[last][1] - units[first][0]) >= limit_chars:
            break
        last += 1
    return last


def _joins(units: list[tuple[int, int]], start: int, after: int, overlap_chars: int, limit_chars: int) -> bool:
    """True if the units from ``start`` can be said again before the one that comes next."""
    return units[after - 1][1] - units[start][0] <= overlap_chars and units[after][1] - units[start][0] <= limit_chars


def _units(text: str, limit_chars: int) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence; one beyond the limit is cut between words, a word beyond it anywhere."""
    start = 0
    for end, next_start in [*((found.start(), found.end()) for found in _END.finditer(text)), (len(text), len(text))]:
        yield from _cut(text, start, end, limit_chars)
        start = next_start


def _cut(text: str, start: int, end: int, limit_chars: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > limit_chars:
        space = text.rfind(" ", start + 1, start + limit_chars + 1)
        cut = space if space > start else start + limit_chars
        yield start, cut
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end
