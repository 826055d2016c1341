"""The fields of a listing as readers see them: folded, cut into words, phrases found, and what each field is about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from epm.evidence.atoms import Span, Value
from epm.evidence.normalise import Folded, Token, fold, squeeze, tokens
from epm.evidence.words import Phrase, find_phrases, word_list

FREE_TEXT = "title"
_FIELD_KINDS = {"title": FREE_TEXT, "brand": "brand", "mpn": "mpn", "gtin": "gtin", "category": "category", "description": "description"}
_ATTRIBUTE_PREFIX = "attributes."
_MAX_PLACEHOLDER_WORDS = 4


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``kind`` is ``title``, ``description``, or the attribute the whole field states."""

    kind: str
    folded: Folded
    words: tuple[Token, ...]
    phrases: Mapping[str, tuple[tuple[Phrase, tuple[int, int]], ...]]
    """The phrases of each kind, each with its place in the folded text."""

    def span(self, start: int, end: int) -> Span:
        """The raw span of a stretch of the folded text."""
        raw_start, raw_end = self.folded.place(start, end)
        return Span(self.folded.field, raw_start, raw_end, self.folded.raw[raw_start:raw_end])

    def value(self, attribute: str, key: str, place: tuple[int, int], rule: str) -> Value:
        """A value standing at that place of the folded text."""
        return Value(attribute, key, self.span(*place), rule, *place)

    def phrases_of(self, kind: str) -> Sequence[tuple[Phrase, tuple[int, int]]]:
        """The phrases of one kind with their places in the folded text, left to right."""
        return self.phrases.get(kind, ())

    def has_phrase_at(self, kind: str, start: int) -> bool:
        """True if a phrase of that kind begins at a place of the folded text."""
        return _next_start(self.phrases_of(kind), start) == start

    def has_phrase_end(self, kind: str, end: int) -> bool:
        """True if a phrase of that kind ends at a place of the folded text."""
        placed = self.phrases_of(kind)
        at = bisect_left(placed, end, key=lambda found: found[1][1])
        return at < len(placed) and placed[at][1][1] == end


@lru_cache(maxsize=1)
def _attribute_kinds() -> Mapping[str, str]:
    return {" ".join(t.key for t in tokens(fold("", name))): kind for kind, names in word_list("attribute").items() for name in names}


@lru_cache(maxsize=4096)
def attribute_kind(name: str) -> str:
    """What an attribute of that name states, or ``other``."""
    return _attribute_kinds().get(" ".join(t.key for t in tokens(fold("", name))), "other")


@lru_cache(maxsize=1)
def _placeholders() -> Mapping[str, frozenset[str]]:
    return {kind: frozenset(squeeze(phrase) for phrase in phrases) for kind, phrases in word_list("placeholder").items()}


def is_unbranded(word: str) -> bool:
    """True for a squeezed word that says that goods have no maker's name: ``unbranded``, ``markenlos``."""
    return word in _placeholders()["brand"]


def _is_silent(kind: str, words: Sequence[Token]) -> bool:
    """True for a cell that states a placeholder ("n/a", "Does not apply", a brand "no name"): it says nothing."""
    if kind in {FREE_TEXT, "description"} or len(words) > _MAX_PLACEHOLDER_WORDS:
        return False
    whole = "".join(word.key for word in words)
    return whole in _placeholders()["any"] or (kind == "brand" and is_unbranded(whole))


def read_fields(texts: Mapping[str, str]) -> tuple[Field, ...]:
    """The fields that are read, title first; price and currency say nothing about identity, placeholders nothing at all."""
    found = []
    for name, raw in texts.items():
        kind = attribute_kind(name.removeprefix(_ATTRIBUTE_PREFIX)) if name.startswith(_ATTRIBUTE_PREFIX) else _FIELD_KINDS.get(name)
        if kind is None or not raw.strip():
            continue
        folded = fold(name, raw)
        words = tokens(folded)
        if _is_silent(kind, words):
            continue
        phrases = find_phrases(words) if kind not in {"gtin", "mpn", "model", "asin"} else ()
        found.append(Field(kind, folded, words, _by_kind(phrases, words)))
    return tuple(found)


def _by_kind(phrases: Iterable[Phrase], words: Sequence[Token]) -> Mapping[str, tuple[tuple[Phrase, tuple[int, int]], ...]]:
    found: dict[str, list[tuple[Phrase, tuple[int, int]]]] = {}
    for phrase in phrases:
        found.setdefault(phrase.kind, []).append((phrase, (words[phrase.first].start, words[phrase.last - 1].end)))
    return {kind: tuple(placed) for kind, placed in found.items()}


class Cover:
    """The stretches of a text that readers have taken, one mark a character: asked in time that knows no number of them."""

    def __init__(self, taken: Taken = ()) -> None:
        self._marks: bytearray = bytearray(taken._marks) if isinstance(taken, Cover) else bytearray()  # noqa: SLF001  # a copy of its own kind
        if not isinstance(taken, Cover):
            for place in taken:
                self.add(place)

    def add(self, place: tuple[int, int]) -> None:
        """Take one more stretch."""
        start, end = place
        if end > len(self._marks):
            self._marks.extend(bytes(end - len(self._marks)))
        self._marks[start:end] = b"\x01" * (end - start)

    def is_free(self, place: tuple[int, int]) -> bool:
        """True if nothing of a stretch is taken."""
        return self._marks.find(1, *place) < 0


Taken = Iterable[tuple[int, int]] | Cover
"""Stretches that are taken: a short list, or a cover where there may be many."""


def words_from(field: Field, start: int) -> Sequence[Token]:
    """The words of a field that begin at a place or later."""
    return field.words[bisect_left(field.words, start, key=lambda word: word.start) :]


def is_free(place: tuple[int, int], taken: Taken) -> bool:
    """True if a stretch overlaps none of the others."""
    if isinstance(taken, Cover):
        return taken.is_free(place)
    return all(place[1] <= start or end <= place[0] for start, end in taken)


def end_of_talk(field: Field, start: int) -> int:
    """Where what is said from ``start`` on must end: at the next promotional, condition, region or pack phrase."""
    nexts = (_next_start(field.phrases_of(kind), start) for kind in ("noise", "condition", "region", "pack"))
    return min((place for place in nexts if place is not None), default=len(field.folded.text))


def _next_start(placed: Sequence[tuple[Phrase, tuple[int, int]]], start: int) -> int | None:
    at = bisect_left(placed, start, key=lambda found: found[1][0])
    return placed[at][1][0] if at < len(placed) else None
