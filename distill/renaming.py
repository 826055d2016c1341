"""Pairs with their brand and line names replaced, so that a student learns to copy any word and not a list of sounds.

Every name word is replaced alike in both listings and in the rationale, with its capitals kept; all other words stay.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Rationale

NAMED = frozenset({"brand", "name"})
KEPT = frozenset({"type", *("colour", "size", "capacity", "pack", "bundle", "condition", "region")})
_WORD = re.compile(r"[^\W\d_]{3,}")
_VOWELS, _CONSONANTS = "aeiouy", "bcdfghjklmnpqrstvwxz"
_MAX_PIECES, _MAX_LETTERS, _MIN_LETTERS = 4, 10, 3


def renamed(pair: Pair, rationale: Rationale, rng: random.Random, *, pieces: Sequence[str]) -> tuple[Pair, Rationale]:
    """The pair and its rationale with new names; ``pieces`` are letter groups that half of the new words are joined from."""
    kept = _words(rationale, KEPT)
    names = {word: _new_word(rng, pieces) for word in sorted(_words(rationale, NAMED) - kept)}
    if not names:
        return pair, rationale
    changed = rationale.model_copy(update={axis.value: _renamed_finding(rationale.finding(axis), names) for axis in Axis})
    return replace(pair, left=_renamed_listing(pair.left, names), right=_renamed_listing(pair.right, names)), changed


def _words(rationale: Rationale, attributes: frozenset[str]) -> set[str]:
    cells = [cell for axis in Axis for cell in rationale.finding(axis).comparisons if cell.attribute in attributes]
    return {word.casefold() for cell in cells for quote in (cell.left, cell.right) for word in _WORD.findall(quote or "")}


def _new_word(rng: random.Random, pieces: Sequence[str]) -> str:
    if pieces and rng.random() < 1 / 2:
        return "".join(rng.choice(pieces) for _ in range(rng.randint(2, _MAX_PIECES)))
    is_vowel, letters = rng.random() < 1 / 2, []
    for _ in range(rng.randint(_MIN_LETTERS, _MAX_LETTERS)):
        letters.append(rng.choice(_VOWELS if is_vowel else _CONSONANTS))
        # letters mostly alternate as in a word, and sometimes pile up as in no word
        is_vowel = is_vowel if rng.random() < 1 / 4 else not is_vowel
    return "".join(letters)


def _substituted(text: str, names: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: _with_case(names.get(found.group().casefold()), found.group()), text)


def _with_case(new: str | None, old: str) -> str:
    if new is None:
        return old
    if old.isupper():
        return new.upper()
    return new.capitalize() if old[0].isupper() else new


def _renamed_finding(finding: AxisFinding, names: Mapping[str, str]) -> AxisFinding:
    cells = tuple(
        cell.model_copy(
            update={side: _substituted(quote, names) for side in ("left", "right") if (quote := getattr(cell, side)) is not None}
        )
        for cell in finding.comparisons
    )
    return finding.model_copy(update={"comparisons": cells})


def _renamed_listing(listing: Listing, names: Mapping[str, str]) -> Listing:
    return replace(
        listing,
        title=_substituted(listing.title, names),
        brand=None if listing.brand is None else _substituted(listing.brand, names),
        description=None if listing.description is None else _substituted(listing.description, names),
        attributes=MappingProxyType({name: _substituted(value, names) for name, value in listing.attributes.items()}),
    )
