"""How one seller writes: language, title template, spelling habits, what is left out, and noise.

All chance is drawn here, so that the same style renders two products alike except for what truly differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from epm.sample.layout import Template, fixed_templates, open_tag, open_template, templates
from epm.sample.names import syllable_word
from epm.sample.world import LANGUAGES, Lexicon

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
_P_OPEN_PROMO, _P_OPEN_FILLER = 0.55, 0.8
_SHOP_HABITS = ("language", "template", "casing", "promo", "tag", "filler", "has_typo")
N_KINDS = 10
"""Kinds of words that have equal spellings: code, generation, colour, pack, bundle, condition, region, quantity, fit, mpn."""


@dataclass(frozen=True, slots=True)
class Style:
    """A seller's habits. ``chance`` holds numbers in [0, 1) that pick among equal spellings, one per kind of word."""

    language: int
    template: Template
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


def draw_style(rng: Random, lexicon: Lexicon) -> Style:
    """A seller of that world, drawn at random."""
    language = rng.choices(range(len(LANGUAGES)), _LANGUAGE_SHARES)[0]
    code = LANGUAGES[language]
    is_so = {habit: rng.random() < share for habit, share in _HABIT_SHARES.items()}
    return Style(
        language=language,
        template=_template(rng, lexicon),
        casing=rng.choices(_CASINGS, _CASING_SHARES)[0],
        chance=tuple([rng.random() for _ in range(N_KINDS)]),
        promo=_promo(rng, lexicon, code),
        tag=_tag(rng, lexicon) if rng.random() < _P_TAG else "",
        filler=_filler(rng, lexicon, code) if rng.random() < _P_FILLER else "",
        brand_place=rng.choices(_BRAND_PLACES, _BRAND_SHARES)[0],
        **is_so,
    )


def _template(rng: Random, lexicon: Lexicon) -> Template:
    if lexicon.is_open:
        return open_template(rng, avoided=fixed_templates())
    known = templates(lexicon.world)
    return known[int(rng.random() * len(known))]


def _tag(rng: Random, lexicon: Lexicon) -> str:
    return open_tag(rng, lambda: syllable_word(rng)) if lexicon.is_open else rng.choice(lexicon.words.tags)


def _filler(rng: Random, lexicon: Lexicon, language: str) -> str:
    if lexicon.is_open and rng.random() < _P_OPEN_FILLER:
        words = " ".join(syllable_word(rng) for _ in range(3 + int(rng.random() * 6)))
        return f"{words.capitalize()}."
    return rng.choice(lexicon.words.filler[language])


def _promo(rng: Random, lexicon: Lexicon, language: str) -> str:
    if rng.random() > _P_PROMO:
        return ""
    if lexicon.is_open and rng.random() < _P_OPEN_PROMO:
        return " ".join(syllable_word(rng) for _ in range(1 + int(rng.random() * 3)))
    words = lexicon.words.promo[language]
    return " ".join(rng.sample(words, 2 if rng.random() < _P_SECOND_PROMO else 1))
