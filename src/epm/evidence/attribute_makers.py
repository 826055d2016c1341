"""The maker of an offer as its text names it: after ``by``, before the part number, first in the title, or known by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.attribute_text import Chunk, chunks, is_capital
from epm.evidence.fields import Field
from epm.evidence.normalise import fold, tokens
from epm.evidence.words import word_list

_BY = re.compile(r"(?<![^\W_])by (?=\w)")
_TAIL = re.compile(r"(?<= - )([^-|,]{3,40}?) \| ")
_RANKS = ("maker-by", "maker-lead-known", "maker-company", "maker-before-code", "maker-tail", "maker-repeated", "maker-known", "maker-lead")
_MAX_LEAD = 3
_MAX_BY = 4
_POWER = re.compile(r"(?<![\w-])(?:\d{1,2}|\d{0,2}\.\d{1,2}|\d{1,2}/\d) ?-?$")


@lru_cache(maxsize=1)
def _makers() -> Mapping[str, tuple[tuple[tuple[str, ...], bool], ...]]:
    """By first word: the words of each known maker, the longest first, and whether the name means nothing else."""
    found: dict[tuple[str, ...], bool] = {}
    lists = word_list("attribute_maker")
    for is_sure, names in ((False, lists["plain"]), (True, lists["sure"])):
        found.update({tuple(token.key for token in tokens(fold("", name))): is_sure for name in names})
    for names in word_list("brand").values():
        for name in names:
            found.setdefault(tuple(token.key for token in tokens(fold("", name))), True)
    index: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
    for keys, is_sure in sorted(found.items(), key=lambda item: -len(item[0])):
        index.setdefault(keys[0], []).append((keys, is_sure))
    return {first: tuple(names) for first, names in index.items()}


def read_makers(title: Field, description: Field | None, code: Value | None) -> tuple[Value, ...]:
    """The makers an offer names, the likeliest first."""
    known = _known(title, is_sure=True)
    found = [*_after_by(title), *_lead(title, description, code), *_tail(title)]
    found = sorted([*found, *known], key=lambda value: _RANKS.index(value.rule))
    if description is not None:
        found += list(_known(description, is_sure=True))
    unique: dict[tuple[str, str], Value] = {}
    for value in found:
        unique.setdefault((value.key, value.field), value)
    return tuple(unique.values())


def _value(field: Field, place: tuple[int, int], rule: str) -> Value:
    return field.value(
        "maker", "".join(token.key for token in field.words if place[0] <= token.start and token.end <= place[1]), place, rule
    )


def _known(field: Field, *, is_sure: bool) -> Iterator[Value]:
    """The known makers that a field names, left to right."""
    place = 0
    while place < len(field.words):
        n_words = _known_at(field, place, is_sure=is_sure)
        if n_words:
            yield _value(field, (field.words[place].start, field.words[place + n_words - 1].end), "maker-known")
        place += n_words or 1


def _known_at(field: Field, place: int, *, is_sure: bool) -> int:
    """How many words from there on name a known maker."""
    start = field.words[place].start
    if not is_capital(field, start) or _POWER.search(field.folded.text[max(0, start - 8) : start]):
        return 0
    for keys, is_unmistakable in _makers().get(field.words[place].key, ()):
        if (is_unmistakable or not is_sure) and tuple(word.key for word in field.words[place : place + len(keys)]) == keys:
            return len(keys)
    return 0


def _after_by(title: Field) -> list[Value]:
    """The words between ``by`` and the next code or separator; a known maker among them ends it."""
    for m in reversed(list(_BY.finditer(title.folded.text))):
        first = next((place for place, word in enumerate(title.words) if word.start >= m.end()), None)
        if first is None or not is_capital(title, title.words[first].start):
            continue
        n_known = _known_at(title, first, is_sure=False)
        if n_known:
            return [_value(title, (title.words[first].start, title.words[first + n_known - 1].end), "maker-by")]
        run = _name_run(title, m.end(), _MAX_BY)
        if run:
            return [_value(title, (run[0].start, run[-1].end), "maker-by")]
    return []


def _name_run(title: Field, start: int, limit: int) -> list[Chunk]:
    """The chunks from there on up to a separator, a code or a lower-case word."""
    run: list[Chunk] = []
    for chunk in chunks(title):
        if chunk.start < start:
            continue
        between = title.folded.text[run[-1].end if run else start : chunk.start]
        is_code = len(chunk.text) > 2 and any(c.isdigit() for c in chunk.text)  # noqa: PLR2004 - "3M" is a name
        if between.strip() or is_code or not is_capital(title, chunk.start) or len(run) == limit:
            break
        run.append(chunk)
    return run


def _lead(title: Field, description: Field | None, code: Value | None) -> list[Value]:
    """The maker at the start of the title."""
    opening = set(word_list("attribute_maker")["opening"])
    start = next((chunk.start for chunk in chunks(title) if chunk.text not in opening), None)
    if start is None or (code is not None and code.start <= start):
        return []
    first = next((place for place, word in enumerate(title.words) if word.start >= start), None)
    n_known = 0 if first is None else _known_at(title, first, is_sure=False)
    if first is not None and n_known:
        place = (title.words[first].start, title.words[first + n_known - 1].end)
        return [_value(title, place, "maker-lead-known")]
    run = _name_run(title, start, _MAX_LEAD)
    if not run:
        return []
    n_chunks, rule = _lead_length(title, description, run, code)
    return [_value(title, (run[0].start, run[n_chunks - 1].end), rule)]


def _lead_length(title: Field, description: Field | None, run: Sequence[Chunk], code: Value | None) -> tuple[int, str]:
    """How many chunks of the leading run are the maker, and why."""
    n_after = len(title.folded.text[code.end :].split()) if code is not None else 0
    is_before_code = code is not None and n_after > 1 and title.folded.text[run[-1].end : code.start] == " "
    if is_before_code and title.folded.text.count(title.folded.text[code.start : code.end] if code else "") == 1:
        return len(run), "maker-before-code"
    company = set(word_list("attribute_maker")["company"])
    for n in range(len(run), 1, -1):
        if run[n - 1].text in company:
            return n, "maker-company"
        name = title.folded.text[run[0].start : run[n - 1].end]
        rest = title.folded.text[run[n - 1].end :] + "\n" + (description.folded.text if description else "")
        if name in rest:
            return n, "maker-repeated"
    return 1, "maker-lead"


def _tail(title: Field) -> list[Value]:
    """``… Vase - Waterford | US``: what stands between a dash and the seller."""
    for m in _TAIL.finditer(title.folded.text):
        if is_capital(title, m.start(1)) and not any(c.isdigit() for c in m.group(1)):
            return [_value(title, m.span(1), "maker-tail")]
    return []
