"""Similarities of two listings' words, weighed by rarity: numbers that mean the same in every category and shop.

Every feature is symmetric: what is measured from each side enters as the lower and the higher of the two, and sums are exact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz import fuzz
from rapidfuzz.process import cdist

from epm.evidence.parsed import ParsedListing
from epm.evidence.quantities import parse_number
from epm.listing import Listing
from epm.matchers.word_statistics import WordStatistics

_MAX_WORDS = 60
_MAX_PRICE_GAP = 3.0
_DIGITS = re.compile(r"\d+")
_PRICE = re.compile(r"\d{1,7}(?:[.,]\d{1,4}){0,2}")
_BOTH_SIDES = (
    "covered", "covered_with_description", "aligned", "rest", "rest_rarest", "rest_codes", "rest_numbers", "rarest_covered", "words", "codes_covered",
)  # fmt: skip
TEXT_FEATURES = (
    *(f"{name}_{end}" for name in _BOTH_SIDES for end in ("low", "high")),
    "word_overlap", "shared", "shared_rarest", "shared_codes", "shared_numbers", "longest_shared_code", "set_ratio", "sort_ratio",
    "length_ratio", "first_word", "description_overlap", "descriptions", "price_gap", "prices", "same_code_digits",
)  # fmt: skip
"""The names of the text features, in the order of :func:`text_features`."""


@dataclass(frozen=True, slots=True)
class _Side:
    """What one side's words say against the other side; ``rest`` are the words the other title lacks."""

    words: tuple[str, ...]
    rest: tuple[str, ...]
    rarity: Mapping[str, float]

    def weight(self, keep: Callable[[str], bool] = bool) -> float:
        return math.fsum(self.rarity[word] for word in self.words if keep(word))

    def rest_weight(self, keep: Callable[[str], bool] = bool) -> float:
        return math.fsum(self.rarity[word] for word in self.rest if keep(word))


def text_features(left: ParsedListing, right: ParsedListing, listings: tuple[Listing, Listing], known: WordStatistics) -> list[float]:
    """The values of ``TEXT_FEATURES`` for two listings; equal for swapped sides."""
    sides = (_side(left, right, known), _side(right, left, known))
    both = zip(_one_sided(sides[0], sides[1], right), _one_sided(sides[1], sides[0], left), strict=True)
    values = [value for pair in both for value in (min(pair), max(pair))]
    return [*values, *_shared(sides, left, right), *_whole(sides, left, right), *_prices(*listings), _same_digits(sides)]


def _side(own: ParsedListing, other: ParsedListing, known: WordStatistics) -> _Side:
    words = tuple(dict.fromkeys(_keys(own)))
    others = set(_keys(other))
    ordered = _keys(own)
    joined = {a + b: (a, b) for a, b in pairwise(ordered)}
    covered = {part for whole, parts in joined.items() if whole in others for part in parts}
    rest = tuple(word for word in words if word not in covered and word not in other.grams)
    return _Side(words, rest, {word: known.rarity(word) for word in words})


def _keys(listing: ParsedListing) -> list[str]:
    return [] if listing.title is None else [word.key for word in listing.title.words[:_MAX_WORDS]]


def _is_code(word: str) -> bool:
    return any(c.isdigit() for c in word) and (any(c.isalpha() for c in word) or len(word) > 4)  # noqa: PLR2004  # years are no codes


def _is_number(word: str) -> bool:
    return word.isdigit()


def _one_sided(own: _Side, other: _Side, other_parsed: ParsedListing) -> tuple[float, ...]:
    total = own.weight()
    unsaid = math.fsum(own.rarity[word] for word in own.rest if word not in other_parsed.description_grams)
    rarest = max(own.words, key=lambda word: (own.rarity[word], word), default="")
    code_total = own.weight(_is_code)
    return (
        _share(total - own.rest_weight(), total), _share(total - unsaid, total), _aligned(own, other), own.rest_weight(),
        max((own.rarity[word] for word in own.rest), default=0.0), own.rest_weight(_is_code), own.rest_weight(_is_number),
        float(bool(rarest) and rarest not in own.rest), float(len(own.words)), _share(code_total - own.rest_weight(_is_code), code_total),
    )  # fmt: skip


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _aligned(own: _Side, other: _Side) -> float:
    """The rarity-weighed mean of each word's likeness to the most alike word of the other side."""
    if not own.words or not other.words:
        return 0.0
    best = cdist(own.words, other.words, scorer=fuzz.ratio, workers=1).max(axis=1) / 100
    weights = [own.rarity[word] for word in own.words]
    return math.fsum(weight * float(value) for weight, value in zip(weights, best, strict=True)) / math.fsum(weights)


def _shared(sides: tuple[_Side, _Side], left: ParsedListing, right: ParsedListing) -> tuple[float, ...]:
    rarity = {word: sides[0].rarity[word] for word in set(sides[0].words) & set(sides[1].words)}
    union = {**sides[0].rarity, **sides[1].rarity}
    codes = [len(gram) for gram in left.grams & right.grams if _is_code(gram) and not _is_number(gram)]
    return (
        _share(math.fsum(rarity.values()), math.fsum(union.values())), math.fsum(rarity.values()), max(rarity.values(), default=0.0),
        math.fsum(value for word, value in rarity.items() if _is_code(word)),
        math.fsum(value for word, value in rarity.items() if _is_number(word)), float(max(codes, default=0)),
    )  # fmt: skip


def _whole(sides: tuple[_Side, _Side], left: ParsedListing, right: ParsedListing) -> tuple[float, ...]:
    a, b = (" ".join(side.words) for side in sides)
    lengths = sorted(len(side.words) for side in sides)
    descriptions = (left.description_grams, right.description_grams)
    first = float(bool(sides[0].words and sides[1].words) and sides[0].words[0] == sides[1].words[0])
    shared, smaller = len(descriptions[0] & descriptions[1]), min(map(len, descriptions))
    return (
        fuzz.token_set_ratio(a, b) / 100, fuzz.token_sort_ratio(a, b) / 100, _share(lengths[0], lengths[1]), first,
        _share(shared, smaller), float(sum(map(bool, descriptions))),
    )  # fmt: skip


def _prices(left: Listing, right: Listing) -> tuple[float, float]:
    """How far the prices lie apart (natural logarithm of their ratio), and whether both are known in one currency."""
    a, b = _price(left), _price(right)
    if a is None or b is None or (left.currency and right.currency and left.currency != right.currency):
        return 0.0, 0.0
    return min(_MAX_PRICE_GAP, abs(math.log(a) - math.log(b))), 1.0


def _price(listing: Listing) -> float | None:
    found = _PRICE.search(listing.price or "")
    amount = float(parse_number(found.group())) if found else 0.0
    return amount if amount > 0 else None


def _same_digits(sides: Sequence[_Side]) -> float:
    """1 when both titles hold the same runs of digits, -1 when they share none, up to 0.5 for some, 0 where a side has none."""
    left, right = ({run for word in side.words for run in _DIGITS.findall(word)} for side in sides)
    if not left or not right:
        return 0.0
    if left == right:
        return 1.0
    return 0.5 * _share(len(left & right), len(left | right)) if left & right else -1.0
