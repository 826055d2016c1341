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
_P_OPEN_PROMO = 0.4


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


_HABITS = ("language", "template", "casing", "promo", "tag", "filler", "has_typo")
N_KINDS = 10


def same_shop(first: Style, other: Style) -> Style:
    """Another offer of the first seller's shop: its language, layout and noise, with the other's spellings and gaps."""
    return replace(other, **{habit: getattr(first, habit) for habit in _HABITS})


@cache
def templates(world: World) -> tuple[tuple[Part, ...], ...]:
    """The compiled title templates of a world."""
    return tuple(tuple(_compile(token) for token in text.split()) for text in load_lexicon(world).words.templates)


def draw_style(rng: Random, lexicon: Lexicon) -> Style:
    """A seller of that world, drawn at random."""
    chance = rng.random
    language = rng.choices(range(len(LANGUAGES)), _LANGUAGE_SHARES)[0]
    code = LANGUAGES[language]
    known = templates(lexicon.world)
    casing, place = chance(), chance()
    return Style(
        language=language,
        template=known[int(chance() * len(known))],
        casing="upper"
        if casing < 0.07
        else "lower"
        if casing < 0.15
        else "brand"
        if casing < 0.3
        else "title"
        if casing < 0.5
        else "plain",  # noqa: PLR2004
        chance=tuple([chance() for _ in range(N_KINDS)]),
        promo=_promo(rng, lexicon, code),
        tag=rng.choice(lexicon.words.tags) if chance() < 0.18 else "",  # noqa: PLR2004
        filler=rng.choice(lexicon.words.filler[code]) if chance() < 0.15 else "",  # noqa: PLR2004
        shows_line=chance() < 0.7,  # noqa: PLR2004
        shows_colour=chance() < 0.75,  # noqa: PLR2004
        shows_region=chance() < 0.6,  # noqa: PLR2004
        shows_type=chance() < 0.92,  # noqa: PLR2004
        brand_place="title" if place < 0.76 else "both" if place < 0.88 else "field",  # noqa: PLR2004
        has_mpn=chance() < 0.35,  # noqa: PLR2004
        has_gtin=chance() < 0.25,  # noqa: PLR2004
        code_only_as_mpn=chance() < 0.05,  # noqa: PLR2004
        uses_attributes=chance() < 0.14,  # noqa: PLR2004
        says_new=chance() < 0.08,  # noqa: PLR2004
        has_typo=chance() < 0.04,  # noqa: PLR2004
    )


def _promo(rng: Random, lexicon: Lexicon, language: str) -> str:
    if rng.random() < 0.5:  # noqa: PLR2004
        return ""
    if lexicon.is_open and rng.random() < _P_OPEN_PROMO:
        return syllable_word(rng)
    words = lexicon.words.promo[language]
    return " ".join(rng.sample(words, 1 if rng.random() < 0.75 else 2))  # noqa: PLR2004


def _compile(token: str) -> Part:
    found = re.fullmatch(r"([^{]*)\{([a-z]+)\}(.*)", token)
    return Part(found[1], found[2], found[3]) if found else Part(token, "", "")
