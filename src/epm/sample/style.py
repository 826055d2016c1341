"""How one seller writes: language, title template, spelling habits, what is left out, and noise.

All chance is drawn here, so that the same style renders two products alike except for what truly differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import NamedTuple

from epm.sample.names import syllable_word
from epm.sample.world import LANGUAGES, Lexicon, World, load_lexicon

_LANGUAGE_SHARES = (0.44, 0.24, 0.12, 0.1, 0.1)
_CASINGS = ("upper", "lower", "brand", "title", "plain")
_CASING_SHARES = (0.07, 0.08, 0.15, 0.2, 0.5)
_BRAND_PLACES = ("title", "both", "field")
_BRAND_SHARES = (0.76, 0.12, 0.12)
_HABIT_SHARES = {
    "shows_line": 0.7, "shows_colour": 0.75, "shows_region": 0.6, "shows_type": 0.92, "has_mpn": 0.35, "has_gtin": 0.25,
    "code_only_as_mpn": 0.05, "uses_attributes": 0.14, "says_new": 0.08, "has_typo": 0.04,
}  # fmt: skip
_P_TAG, _P_FILLER, _P_PROMO, _P_SECOND_PROMO = 0.18, 0.15, 0.5, 0.25
_P_OPEN_PROMO = 0.4
_SHOP_HABITS = ("language", "template", "casing", "promo", "tag", "filler", "has_typo")
N_KINDS = 10
"""Kinds of words that have equal spellings: code, generation, colour, pack, bundle, condition, region, quantity, fit, mpn."""


class Part(NamedTuple):
    """One place of a title template: a slot with what touches it, or a separator when ``slot`` is empty."""

    before: str
    slot: str
    after: str


@dataclass(frozen=True, slots=True)
class Style:
    """A seller's habits. ``chance`` holds numbers in [0, 1) that pick among equal spellings, one per kind of word."""

    language: int
    template: tuple[Part, ...]
    casing: str
    chance: tuple[float, ...]
    promo: str
    tag: str
    filler: str
    shows_line: bool
    shows_colour: bool
    shows_region: bool
    shows_type: bool
    brand_place: str
    has_mpn: bool
    has_gtin: bool
    code_only_as_mpn: bool
    uses_attributes: bool
    says_new: bool
    has_typo: bool

    @property
    def language_code(self) -> str:
        """Two letters."""
        return LANGUAGES[self.language]

    def pick(self, kind: int, options: Sequence[str]) -> str:
        """This seller's choice among equal spellings; ``kind`` numbers the kind of word."""
        return options[int(self.chance[kind] * len(options))]


def same_shop(first: Style, other: Style) -> Style:
    """Another offer of the first seller's shop: its language, layout and noise, with the other's spellings and gaps."""
    return replace(other, **{habit: getattr(first, habit) for habit in _SHOP_HABITS})


@cache
def templates(world: World) -> tuple[tuple[Part, ...], ...]:
    """The compiled title templates of a world."""
    return tuple(tuple(_compile(token) for token in text.split()) for text in load_lexicon(world).words.templates)


def draw_style(rng: Random, lexicon: Lexicon) -> Style:
    """A seller of that world, drawn at random."""
    language = rng.choices(range(len(LANGUAGES)), _LANGUAGE_SHARES)[0]
    code = LANGUAGES[language]
    known = templates(lexicon.world)
    is_so = {habit: rng.random() < share for habit, share in _HABIT_SHARES.items()}
    return Style(
        language=language,
        template=known[int(rng.random() * len(known))],
        casing=rng.choices(_CASINGS, _CASING_SHARES)[0],
        chance=tuple([rng.random() for _ in range(N_KINDS)]),
        promo=_promo(rng, lexicon, code),
        tag=rng.choice(lexicon.words.tags) if rng.random() < _P_TAG else "",
        filler=rng.choice(lexicon.words.filler[code]) if rng.random() < _P_FILLER else "",
        brand_place=rng.choices(_BRAND_PLACES, _BRAND_SHARES)[0],
        **is_so,
    )


def _promo(rng: Random, lexicon: Lexicon, language: str) -> str:
    if rng.random() > _P_PROMO:
        return ""
    if lexicon.is_open and rng.random() < _P_OPEN_PROMO:
        return syllable_word(rng)
    words = lexicon.words.promo[language]
    return " ".join(rng.sample(words, 2 if rng.random() < _P_SECOND_PROMO else 1))


def _compile(token: str) -> Part:
    found = re.fullmatch(r"([^{]*)\{([a-z]+)\}(.*)", token)
    return Part(found[1], found[2], found[3]) if found else Part(token, "", "")
