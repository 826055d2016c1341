"""Title layouts: in which order and between which marks a seller puts the parts of a title.

The fixed worlds have a few templates each. In the open world every seller has a layout of its own, so that a student
pretrained there learns to read parts wherever they stand, and not a list of orders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cache
from random import Random
from typing import NamedTuple

from epm.sample.world import World, load_lexicon

_CANONICAL = (
    ("brand",), ("line",), ("code",), ("edition", "gen"), ("type", "compat"), ("colour",), ("size", "capacity"), ("pack",), ("bundle",),
    ("cond",), ("region",),
)  # fmt: skip
_SEPARATORS = ("-", "-", "|", "|", ",", ",", ";", "/", "·", "–", ":", "~", "+", "•")
_BRACKETS = (("(", ")"), ("(", ")"), ("[", "]"), ("/", "/"))
_TAG_MARKS = ("[{}]", "({})", "*{}*", "| {}", "~ {}", "★ {}", "✔ {}", "#{}", "!{}!", "{}")
_N_SWAPS = 4
_P_SHUFFLED, _P_PLAIN, _P_SEPARATOR, _P_BRACKET = 0.45, 0.5, 0.25, 0.06
_P_NOISE_FIRST, _P_NOISE_LAST = 0.25, 0.85
_MAX_LETTERS, _MAX_DIGITS = 3, 4


class Part(NamedTuple):
    """One place of a title template: a slot with what touches it, or a separator when ``slot`` is empty."""

    before: str
    slot: str
    after: str


Template = tuple[Part, ...]


@cache
def templates(world: World) -> tuple[Template, ...]:
    """The compiled title templates of a fixed world; none for the open one."""
    return tuple(tuple(_compile(token) for token in text.split()) for text in load_lexicon(world).words.templates)


@cache
def fixed_templates() -> frozenset[Template]:
    """The templates of all fixed worlds."""
    return frozenset(template for world in World for template in templates(world))


def open_template(rng: Random, *, avoided: Collection[Template]) -> Template:
    """A template that is none of the avoided: parts in a random order, perhaps between separators or in brackets."""
    while True:
        parts = tuple(_separated(_ordered(rng), rng))
        if parts not in avoided:
            return parts


def open_tag(rng: Random, word: Callable[[], str]) -> str:
    """A platform's mark around one or two made-up words."""
    words = " ".join(word() for _ in range(1 + int(rng.random() * 2)))
    return rng.choice(_TAG_MARKS).format(rng.choice((words, words.upper(), words.capitalize(), f"{words} {rng.randrange(100)}")))


def open_code_pattern(rng: Random) -> str:
    """A pattern of letters, digits and borders, as ``LL-###`` or ``####L``; it always has a digit."""
    letters, digits = "L" * (1 + int(rng.random() * _MAX_LETTERS)), "#" * (2 + int(rng.random() * _MAX_DIGITS))
    runs = rng.choice(((letters, digits), (letters, digits), (letters, digits, "L"), (digits, letters), (digits, digits[:3]), (digits,)))
    border = rng.choice(("-", "-", ""))
    return border.join(runs)


def _ordered(rng: Random) -> list[str]:
    groups = list(_CANONICAL)
    if rng.random() < _P_SHUFFLED:
        rng.shuffle(groups)
    else:
        for _ in range(int(rng.random() * (_N_SWAPS + 1))):
            first, second = rng.sample(range(len(groups)), 2)
            groups.insert(second, groups.pop(first))
    slots = [slot for group in groups for slot in (group if rng.random() < 1 / 2 else _turned(group))]
    for noise in ("promo", "tag"):
        chance = rng.random()
        place = 0 if chance < _P_NOISE_FIRST else len(slots) if chance < _P_NOISE_LAST else rng.randrange(len(slots))
        slots.insert(place, noise)
    return slots


def _turned(group: tuple[str, ...]) -> tuple[str, ...]:
    """The other order; what a product is stays before what it fits."""
    return group if "compat" in group else group[::-1]


def _separated(slots: list[str], rng: Random) -> list[Part]:
    is_plain, separator = rng.random() < _P_PLAIN, rng.choice(_SEPARATORS)
    parts: list[Part] = []
    for slot in slots:
        if parts and not is_plain and rng.random() < _P_SEPARATOR:
            parts.append(Part(separator, "", ""))
        has_brackets = not is_plain and slot not in {"promo", "tag", "compat"} and rng.random() < _P_BRACKET
        before, after = rng.choice(_BRACKETS) if has_brackets else ("", "")
        parts.append(Part(before, slot, after))
    return parts


def _compile(token: str) -> Part:
    found = re.fullmatch(r"([^{]*)\{([a-z]+)\}(.*)", token)
    return Part(found[1], found[2], found[3]) if found else Part(token, "", "")
