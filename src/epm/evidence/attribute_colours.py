"""Colours of an offer with the words that belong to them: ``Light Gray``, ``Canary Yellow``, ``Rosewood/Black``."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, is_free
from epm.evidence.normalise import fold, tokens
from epm.evidence.words import word_list

_LABEL = re.compile(r"(?<![^\W_])colou?rs?(?: name)?(?:\(s\))?: ?(?:\d+ )?")
_MAX_LABELLED_WORDS = 4
_USE = re.compile(r"^[ -](?:finish|stainless|colou?rs?|coloured|colored|epoxy|overtones|tone|tones)(?![^\W_])")


@lru_cache(maxsize=1)
def _names() -> Mapping[tuple[str, ...], str]:
    """Each colour phrase as folded words with its base colour."""
    found: dict[tuple[str, ...], str] = {}
    shades = {base: phrases for base, phrases in word_list("attribute_shade").items() if base not in {"modifier", "tail"}}
    for lists in (shades, word_list("colour")):
        for base, phrases in lists.items():
            for phrase in phrases:
                found[tuple(token.key for token in tokens(fold("", phrase)))] = base
    return found


@lru_cache(maxsize=2)
def _adjoining(kind: str) -> frozenset[str]:
    return frozenset(word_list("attribute_shade")[kind])


def read_attribute_colours(fields: Sequence[Field], taken: Sequence[tuple[int, int]]) -> tuple[Value, ...]:
    """The colours of an offer: those of the title, then labelled ones, then those a description states by themselves.

    ``taken`` are stretches of the title with another meaning, such as the maker.
    """
    phrases = [(field, _read_phrases(field)) for field in fields]
    labelled = [value for field, found in phrases for value in _read_labelled(field, found)]
    named = [value for value in phrases[0][1] if is_free((value.start, value.end), taken)]
    stated = [value for field, found in phrases[1:] for value in found if _is_statement(field, value)]
    return (*named, *labelled, *stated)


def _read_labelled(field: Field, phrases: Sequence[Value]) -> list[Value]:
    found = []
    starts = [word.start for word in field.words]
    for m in _LABEL.finditer(field.folded.text):
        first = bisect_left(starts, m.end())
        end = start = m.end()
        for word in field.words[first : first + _MAX_LABELLED_WORDS]:
            between = field.folded.text[end : word.start]
            quote = field.span(word.start, word.end).quote
            if re.search(r"[.,;:()|]", between) or (len(quote) > 2 and quote.isupper()):  # noqa: PLR2004 - the next label
                break
            start = word.start if end == m.end() else start
            end = word.end
        if end > start:
            base = next((value.key for value in phrases if start <= value.start and value.end <= end), field.folded.text[start:end])
            found.append(field.value("colour", base, (start, end), "colour-label"))
    return found


def _read_phrases(field: Field) -> list[Value]:
    keys = [word.key for word in field.words]
    names, modifiers, tails = _names(), _adjoining("modifier"), _adjoining("tail")
    found: list[Value] = []
    place = 0
    while place < len(keys):
        n_words = next((n for n in (3, 2, 1) if place + n <= len(keys) and tuple(keys[place : place + n]) in names), 0)
        if not n_words:
            place += 1
            continue
        base = names[tuple(keys[place : place + n_words])]
        first, last = place, place + n_words
        while first and keys[first - 1] in modifiers and _adjoin(field, first - 1):
            first -= 1
        if last < len(keys) and keys[last] in tails and _adjoin(field, last - 1):
            last += 1
        found.append(field.value("colour", base, (field.words[first].start, field.words[last - 1].end), "colour-phrase"))
        place = last
    return _joined(field, found)


def _adjoin(field: Field, place: int) -> bool:
    return field.folded.text[field.words[place].end : field.words[place + 1].start] in {" ", "-"}


def _joined(field: Field, values: Sequence[Value]) -> list[Value]:
    """Neighbours without more than a slash or a space between them are one value: ``Rosewood/Black``, ``Gold Brown``."""
    found: list[Value] = []
    for value in values:
        between = field.folded.text[found[-1].end : value.start] if found else ""
        is_repeated = between == " " and found[-1].key == value.key  # "Brown Brown": two statements
        if between in {"/", " ", " / "} and not is_repeated:
            # "Red/Black" is named by its first colour, "Gold Brown" is a brown.
            base = found[-1].key if "/" in between else value.key
            found[-1] = field.value("colour", base, (found[-1].start, value.end), "colour-joined")
        else:
            found.append(value)
    return found


def _is_statement(field: Field, value: Value) -> bool:
    """True if a description says the colour by itself (``…, black, NSF``) or as a finish: not "printed in red"."""
    before, after = field.folded.text[: value.start].rstrip(), field.folded.text[value.end :]
    stands_alone = (not before or before[-1] in ",.;:)/") and (not after.strip() or after.lstrip()[0] in ",.;:(/")
    return stands_alone or _USE.match(after) is not None
