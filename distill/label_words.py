"""Label words in rationales: a rationale that names its label instead of arguing it teaches a student to recite it.

    label_words(rationale, pair)    # ("gold label", "match"), or () for a clean one

Free text of a rationale are its attribute names and its quotes. What a listing says itself is no leak: a quote
"Match" from the title of a card game is a name. Relation, label and verdicts are fields of their own and not looked at.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Rationale

N_SHOWN = 5
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTERS = re.compile(r"[\W_]+")
_JOINED = ("ko",)
"""Languages that hang their particles on the word: it has a beginning and no end."""


@dataclass(frozen=True, slots=True)
class LabelWords:
    """What was found in ``n_rationales``: the words with their counts, and the pairs they stand in."""

    n_rationales: int
    by_word: Mapping[str, int]
    pair_ids: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The findings as JSON values, every pair id among them."""
        return {
            "n_rationales": self.n_rationales,
            "n_with_words": len(self.pair_ids),
            "words": dict(self.by_word),
            "pair_ids": list(self.pair_ids),
        }

    def summary(self) -> str:
        """The findings as one line of text."""
        if not self.pair_ids:
            return f"label words in free text: none in {self.n_rationales} rationales"
        words = ", ".join(f"{word!r} {count}" for word, count in self.by_word.items())
        shown = ", ".join(map(repr, self.pair_ids[:N_SHOWN])) + (", …" if len(self.pair_ids) > N_SHOWN else "")
        return f"label words in free text: {len(self.pair_ids)} of {self.n_rationales} rationales ({words}), pairs {shown}"


def found_label_words(rationales: Iterable[tuple[Pair, Rationale]]) -> LabelWords:
    """The label words of many rationales, the commonest first."""
    n_rationales, by_word, pair_ids = 0, Counter[str](), list[str]()
    for pair, rationale in rationales:
        n_rationales += 1
        words = label_words(rationale, pair)
        by_word.update(words)
        pair_ids.extend([pair.id] if words else [])
    return LabelWords(n_rationales, dict(by_word.most_common()), tuple(pair_ids))


def label_words(rationale: Rationale, pair: Pair) -> tuple[str, ...]:
    """The label words in the free text of a rationale, sorted; one that the listing says itself is none."""
    left, right = _said(pair.left), _said(pair.right)
    found = {word for text, said in _free_texts(rationale, left, right) for word in _words_in(text) if word not in _words_in(said)}
    return tuple(sorted(found))


def _free_texts(rationale: Rationale, left: str, right: str) -> Iterator[tuple[str, str]]:
    """Each free text of the rationale with what the listing, or the listings, it may speak of say."""
    for axis in Axis:
        for cell in rationale.finding(axis).comparisons:
            yield _plain(cell.attribute), f"{left} {right}"
            yield from ((_plain(quote), said) for quote, said in ((cell.left, left), (cell.right, right)) if quote is not None)


def _said(listing: Listing) -> str:
    return _plain(" | ".join(part for name, text in listing.texts().items() for part in (name, text)))


def _words_in(plain: str) -> frozenset[str]:
    return frozenset(word for word, pattern in _patterns() if pattern.search(plain))


def _plain(text: str) -> str:
    return _NO_LETTERS.sub(" ", _CAMEL.sub(" ", unicodedata.normalize("NFKC", text))).casefold().strip()


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    listed = tomllib.loads(files("epm.distill").joinpath("label_words.toml").read_text(encoding="utf-8"))
    return tuple(
        (word, re.compile(rf"(?<!\w){re.escape(_plain(word))}" + ("" if language in _JOINED else r"(?!\w)")))
        for language, words in listed.items()
        for word in words
    )
