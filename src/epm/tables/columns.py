"""Which column holds which field, by the names of the columns; people correct the guess in ``mapping.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from unicodedata import combining, normalize

_WORD = re.compile(r"#\d+|\d+|[A-ZÄÖÜ]?[a-zà-öø-ÿß]+|[A-ZÄÖÜ]+(?![a-zà-öø-ÿß])|[^\W\d_a-zA-Zà-öø-ÿßÄÖÜ]+")
GROUP_JOINT = " / "
"""Between the two rows of a merged header, in the name of a column."""
_FIRST, _SECOND = "#1", "#2"
_MAX_COMPARED = 200
"""Columns among which words that tell two sides apart are searched; the search grows with the square."""
_MIN_TWINS = 2
_MAX_UNDERSCORES = 3


@dataclass(slots=True)
class SideColumns:
    """The columns of one side, by field and by attribute name."""

    columns: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """A place for every column that has one; ``sides`` are the two words that told left from right."""

    pair: Mapping[str, str]
    left: SideColumns
    right: SideColumns
    unmapped: tuple[str, ...]
    sides: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    listing: Mapping[str, str]
    pair: Mapping[str, str]
    sides: tuple[tuple[str, str], ...]
    filler: frozenset[str]


def guess_pair_columns(names: Sequence[str]) -> ColumnGuess:
    """The columns of a table of pairs, both listings in each row or their ids alone."""
    # programs number doubled names as Title, Title.1
    present = frozenset(names)
    spelled = [f"{name[:-2]} {_SECOND}" if name.endswith(".1") and name[:-2] in present else name for name in names]
    spellings = frozenset(spelled)
    sides = _sides(spelled)
    pair: dict[str, str] = {}
    left, right = SideColumns(), SideColumns()
    unmapped = []
    for name, spelling in zip(names, spelled, strict=True):
        words = _words(spelling)
        at = _side_at(words, sides)
        if sides is not None and at is not None:
            _take(name, words[:at] + words[at + 1 :], left if words[at].casefold() == sides[0] else right)
        elif sides is not None and sides[1] == _SECOND and f"{name} {_SECOND}" in spellings:
            _take(name, words, left)
        else:
            found = _vocabulary().pair.get(_squeezed(words))
            if found is None or pair.setdefault(found, name) != name:
                unmapped.append(name)
    return ColumnGuess(pair, left, right, tuple(unmapped), sides)


def guess_listing_columns(names: Sequence[str]) -> SideColumns:
    """The columns of a table of listings; those that no field takes become attributes."""
    side = SideColumns()
    for name in names:
        _take(name, _words(name), side)
    return side


def title_columns(names: Sequence[str]) -> list[str]:
    """The columns that are called as titles are, without regard to sides."""
    return [name for name in names if (words := _words(name)) and _field(words) == "title"]


def is_usual_name(cell: str) -> bool:
    """True for a text that columns are usually called, with or without a word for its side."""
    words, vocabulary = _words(cell), _vocabulary()
    if _squeezed(words) in vocabulary.listing or _squeezed(words) in vocabulary.pair:
        return True
    sides = {word for pair in vocabulary.sides for word in pair}
    ends = [words[1:] if words[:1] and words[0].casefold() in sides else [], words[:-1] if words and words[-1].casefold() in sides else []]
    return any(_squeezed(rest) in vocabulary.listing for rest in ends if rest)


def _take(name: str, words: list[str], side: SideColumns) -> None:
    known = _field(words)
    if known is not None and known not in side.columns:
        side.columns[known] = name
        return
    rest = _without_filler(words) or words or [name]
    attribute = "_".join(rest)
    # underscores are added one at a time only as far as people would read them: a thousand alike would cost a thousand squared
    while attribute in side.attributes and len(attribute) < len("_".join(rest)) + _MAX_UNDERSCORES:
        attribute += "_"
    if attribute in side.attributes:
        attribute = f"{attribute}{len(side.attributes)}"
    side.attributes[attribute] = name


def _field(words: list[str]) -> str | None:
    if not words:
        return "title"  # a column that is named by its side alone holds the listing's text
    known = _vocabulary().listing
    return known.get(_squeezed(words)) or known.get(_squeezed(_without_filler(words)))


def _without_filler(words: list[str]) -> list[str]:
    return [word for word in words if word.casefold() not in _vocabulary().filler]


def _sides(names: Sequence[str]) -> tuple[str, str] | None:
    """The two words that tell most columns apart as twins, a twin of titles counting double; known words win over found ones."""
    split = [_words(name) for name in names[:_MAX_COMPARED]]
    known = max(_vocabulary().sides, key=lambda pair: _n_twins(split, pair))
    if _n_twins(split, known):
        return known
    if any(words and words[-1] == _SECOND for words in split):
        return _FIRST, _SECOND
    candidates = dict.fromkeys(
        pair for i, one in enumerate(split) for other in split[i + 1 :] if (pair := _difference(one, other)) is not None
    )
    # among words that were not known beforehand, only those that tell known fields apart: width and height are no sides
    found = {pair: _n_twins(split, pair) for pair in candidates if _tells_fields(split, pair)}
    best = max(found, key=lambda pair: found[pair], default=None)
    return best if best is not None and found[best] >= _MIN_TWINS else None


def _n_twins(split: list[list[str]], pair: tuple[str, str]) -> int:
    shared = _twins(split, pair)
    return len(shared) + any(rest == "" or _vocabulary().listing.get(rest) == "title" for rest in shared)


def _tells_fields(split: list[list[str]], pair: tuple[str, str]) -> bool:
    listing = _vocabulary().listing
    return not listing.keys() & set(pair) and any(rest in listing for rest in _twins(split, pair))


def _twins(split: list[list[str]], pair: tuple[str, str]) -> set[str]:
    """What is left of the names that both words of a pair stand in, one word each."""
    rests: tuple[set[str], set[str]] = (set(), set())
    for words in split:
        at = _side_at(words, pair)
        if at is not None:
            rests[words[at].casefold() != pair[0]].add(_squeezed(words[:at] + words[at + 1 :]))
    return rests[0] & rests[1]


def _difference(one: list[str], other: list[str]) -> tuple[str, str] | None:
    if len(one) != len(other):
        return None
    differing = [(a.casefold(), b.casefold()) for a, b in zip(one, other, strict=True) if a.casefold() != b.casefold()]
    return differing[0] if len(differing) == 1 and len(one) > 1 else None


def _side_at(words: list[str], sides: tuple[str, str] | None) -> int | None:
    """Where the side stands in a name: its last word if that is one, else the first that is."""
    if sides is None:
        return None
    places = [i for i, word in enumerate(words) if word.casefold() in sides]
    return None if not places else places[-1] if places[-1] == len(words) - 1 else places[0]


def _words(name: str) -> list[str]:
    group, joint, rest = name.partition(GROUP_JOINT)
    # what stands over merged columns tells them apart as a whole, however many words it has
    return ["".join(_WORD.findall(group)), *_WORD.findall(rest)] if joint else _WORD.findall(name)


def _squeezed(words: Sequence[str]) -> str:
    return _folded("".join(words))


def _folded(name: str) -> str:
    """Without case and accents: programs that write headers often cannot spell them."""
    return "".join(char for char in normalize("NFKD", name.casefold()) if not combining(char))


@lru_cache(maxsize=1)
def _vocabulary() -> _Vocabulary:
    words = tomllib.loads(files("epm.tables").joinpath("columns.toml").read_text(encoding="utf-8"))
    listing, pair = (
        {_folded(name.replace(" ", "")): known for known, names in words[section].items() for name in names}
        for section in ("listing", "pair")
    )
    return _Vocabulary(listing, pair, tuple((left, right) for left, right in words["sides"]["words"]), frozenset(words["sides"]["filler"]))
