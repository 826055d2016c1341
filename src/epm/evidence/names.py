"""Names: an alignment of the title words that no reader has taken.

Words align when equal, when one is the other misspelt, abbreviated or written together. Numbers and edition words
("Pro", "Max") weigh most: they tell two products of one line apart. Extra describing words weigh little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from epm.evidence.identifiers import is_contained
from epm.evidence.normalise import fold, tokens
from epm.evidence.parsed import PLUS, ParsedListing, Word
from epm.evidence.words import word_list

_MIN_FUZZY = 5
_MIN_PREFIX = 3
_SHORT = 2
_NUMBER_WEIGHT = 1.6
_EDITION_WEIGHT = 1.3
_SHORT_WEIGHT = 0.5
_CODE_WEIGHT = 2.0
_TYPE_WEIGHT = 0.6
_NO_NAME = 0.5
_SILENT_WEIGHT = 0.4
_MAX_WORDS = 40
_TYPE = "type "
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}


@dataclass(frozen=True, slots=True)
class NameMatch:
    """How two names align: coverage of each side in [0, 1], the words left over, and what conflicts.

    ``similarity`` is in [0, 1]; ``n_conflicts`` counts kinds of conflicts: numbers on both sides, an edition on the left, one on the right.
    """

    similarity: float
    left_rest: tuple[Word, ...]
    right_rest: tuple[Word, ...]
    n_conflicts: int

    def swapped(self) -> NameMatch:
        """The match of the swapped pair."""
        return NameMatch(self.similarity, self.right_rest, self.left_rest, self.n_conflicts)


@lru_cache(maxsize=1)
def edition_keys() -> Mapping[str, str]:
    """The single words that name an edition, with the edition that they name."""
    return {
        keys[0].key: value
        for value, phrases in word_list("edition").items()
        for phrase in phrases
        if len(keys := tokens(fold("", phrase))) == 1
    }


def align(left: ParsedListing, right: ParsedListing) -> NameMatch:
    """The alignment of two names; symmetric."""
    left_names, right_names = left.core_words[:_MAX_WORDS], right.core_words[:_MAX_WORDS]
    left_rest = _unmatched(left_names, right_names, right)
    right_rest = _unmatched(right_names, left_names, left)
    silent = frozenset(word.key for word in (*left_rest, *right_rest) if _is_silence(word.key, left_rest, right_rest))
    covers = (_coverage(left_names, left_rest, silent), _coverage(right_names, right_rest, silent))
    if _same_words(left, right):
        return NameMatch(1.0, (), (), 0)
    similarity = 0.65 * max(covers) + 0.35 * min(covers) if left_names and right_names else _NO_NAME
    if not left_names and not right_names and _is_one_generation(left, right):
        similarity = 1.0
    return NameMatch(similarity, left_rest, right_rest, _conflicts(left_rest, right_rest))


def _is_one_generation(left: ParsedListing, right: ParsedListing) -> bool:
    """True if both state one generation, which names a product that has no other name ("Velta V8")."""
    keys = [{value.key for value in side.of("generation")} for side in (left, right)]
    return keys[0] == keys[1] != set()


def _same_words(left: ParsedListing, right: ParsedListing) -> bool:
    if left.title is None or right.title is None or not left.title.words:
        return False
    is_plus = [any(word.key == PLUS and word.end - word.start == 1 for word in side.names) for side in (left, right)]
    return is_plus[0] is is_plus[1] and [word.key for word in left.title.words] == [word.key for word in right.title.words]


def _unmatched(words: Sequence[Word], others: Sequence[Word], other: ParsedListing) -> tuple[Word, ...]:
    other_keys = [word.key for word in others]
    joined = frozenset(a.key + b.key for a, b in pairwise(words)) & other.grams
    rest = []
    for place, word in enumerate(words):
        if word.key in other.grams or any(_is_alike(word.key, key) for key in other_keys):
            continue
        neighbours = (words[place - 1].key + word.key if place else "", word.key + words[place + 1].key if place + 1 < len(words) else "")
        if not joined.intersection(neighbours):
            rest.append(word)
    return tuple(rest)


def _is_alike(left: str, right: str) -> bool:
    if left == right or _canonical(left) == _canonical(right):
        return True
    shorter, longer = (left, right) if len(left) <= len(right) else (right, left)
    if left.startswith(_TYPE) or right.startswith(_TYPE):
        return longer.startswith(_TYPE) and is_kind_of(longer.removeprefix(_TYPE), shorter.removeprefix(_TYPE))
    if any(c.isdigit() for c in shorter) or any(c.isdigit() for c in longer):
        return is_contained(left, right)
    if len(shorter) >= _MIN_PREFIX and longer.startswith(shorter):
        return True
    return len(shorter) >= _MIN_FUZZY and OSA.distance(shorter, longer, score_cutoff=1) <= 1


def _canonical(key: str) -> str:
    """One form for the spellings of an edition ("professional", "pro") and of a number ("iii", "3")."""
    return _ROMAN.get(key) or edition_keys().get(key, key)


def is_kind_of(narrow: str, wide: str) -> bool:
    """True if one type is a kind of another by its name: ``hiking_boots`` are ``boots``."""
    return narrow == wide or narrow.endswith(f"_{wide}")


def are_alternatives(left: str, right: str) -> bool:
    """True if two different types exclude each other under one name: eau de parfum and eau de toilette, hardcover and paperback."""
    return left != right and any(left in kinds and right in kinds for kinds in word_list("alternative").values())


def is_number(key: str) -> bool:
    """True for a number: digits, with or without a decimal point."""
    return key.replace(".", "").isdigit()


def word_weight(key: str) -> float:
    """How much a word of a name counts: editions, numbers and codes more, short words less."""
    if key in edition_keys():
        return _EDITION_WEIGHT
    if any(c.isdigit() for c in key):
        return _NUMBER_WEIGHT if is_number(key) else _CODE_WEIGHT
    if key.startswith(_TYPE):
        return _TYPE_WEIGHT
    return _SHORT_WEIGHT if len(key) <= _SHORT else 1.0


def _is_silence(key: str, left: Sequence[Word], right: Sequence[Word]) -> bool:
    """True for a left-over code of one side where the other side has none left over: it is silent about it."""
    return _is_mixed(key) and any(_is_mixed(word.key) for word in left) is not any(_is_mixed(word.key) for word in right)


def _is_mixed(key: str) -> bool:
    return any(c.isdigit() for c in key) and any(c.isalpha() for c in key)


def _coverage(words: Sequence[Word], rest: Sequence[Word], silent: frozenset[str]) -> float:
    def weight(key: str) -> float:
        return _SILENT_WEIGHT if key in silent else word_weight(key)

    total = sum(weight(word.key) for word in words)
    return 1.0 - sum(weight(word.key) for word in rest) / total if total else 0.0


def _conflicts(left: Sequence[Word], right: Sequence[Word]) -> int:
    def has(words: Sequence[Word], *, edition: bool) -> bool:
        return any(word.key in edition_keys() if edition else is_number(word.key) for word in words)

    both_numbers = has(left, edition=False) and has(right, edition=False)
    n_editions = int(has(left, edition=True)) + int(has(right, edition=True))
    return int(both_numbers) + n_editions
