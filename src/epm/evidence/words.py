"""Word lists: the package data files of ``words/`` and the phrase finder over them.

Each file is one kind (``colour``, ``condition`` …) of ``value = ["phrase", …]``; phrases of all kinds are found in one
pass over a field's tokens, the longest phrase first. The lists are general knowledge of several languages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from epm.evidence.normalise import Token, fold, tokens

PHRASE_KINDS = ("brand", "noise", "condition", "pack", "bundle", "compatibility", "type", "region", "edition", "colour", "size", "stop")
"""Kinds whose phrases are found in running text; of two phrases of equal length the earlier kind wins."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase found in a field: tokens ``[first, last)`` of that kind, with the value it stands for."""

    kind: str
    value: str
    first: int
    last: int


@lru_cache(maxsize=32)
def word_list(kind: str) -> Mapping[str, tuple[str, ...]]:
    """The values of one word file with their phrases, as written."""
    text = (files("epm.evidence") / "words" / f"{kind}.toml").read_text(encoding="utf-8")
    return {value: tuple(phrases) for value, phrases in tomllib.loads(text).items()}


@lru_cache(maxsize=1)
def _phrase_index() -> Mapping[str, tuple[tuple[tuple[str, ...], str, str], ...]]:
    index: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {}
    for kind in PHRASE_KINDS:
        for value, phrases in word_list(kind).items():
            for phrase in phrases:
                keys = tuple(token.key for token in tokens(fold("", phrase)))
                index.setdefault(keys[0], {}).setdefault(keys, (kind, value))
    longest_first = {first: sorted(found.items(), key=lambda item: -len(item[0])) for first, found in index.items()}
    return {first: tuple((keys, kind, value) for keys, (kind, value) in found) for first, found in longest_first.items()}


def find_phrases(words: tuple[Token, ...]) -> tuple[Phrase, ...]:
    """Every phrase of the word lists in the tokens, left to right, the longest at each place, without overlap."""
    index = _phrase_index()
    found: list[Phrase] = []
    place = 0
    while place < len(words):
        for keys, kind, value in index.get(words[place].key, ()):
            last = place + len(keys)
            if len(keys) == 1 or tuple(word.key for word in words[place:last]) == keys:
                found.append(Phrase(kind, value, place, last))
                place = last
                break
        else:
            place += 1
    return tuple(found)


@lru_cache(maxsize=32)
def folded_words(kind: str, value: str) -> frozenset[str]:
    """The phrases of one value, folded: for lists that are looked up by whole text."""
    return frozenset(fold("", phrase).text for phrase in word_list(kind).get(value, ()))
