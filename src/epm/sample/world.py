"""The word lists of the generator, read once from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

LANGUAGES = ("en", "de", "fr", "es", "it")
"""The order in which every translated list stands."""

Dimension = Literal["volume", "mass", "data", "length", "shoe", "inch"]
Words = tuple[str, ...]


class World(StrEnum):
    """Where listings come from: seed pretraining, the train and valid splits, or the test split."""

    PRETRAIN = "pretrain"
    TRAIN = "train"
    TEST = "test"


class Category(BaseModel):
    """Which attributes products of a category have. ``types``, ``accessories`` and ``extras`` hold five translations each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    worlds: tuple[World, ...] = tuple(World)
    coded: bool
    colour: bool = False
    region: bool = False
    used: bool = False
    generations: bool = False
    editions: bool = False
    dimension: Dimension | None = None
    amounts: tuple[int, ...] = ()
    packs: tuple[int, ...] = ()
    types: tuple[Words, ...]
    accessories: tuple[Words, ...] = ()
    extras: tuple[Words, ...] = ()

    @property
    def quantity_attribute(self) -> str:
        """``size`` for what is worn or measured by length, else ``capacity``."""
        return "size" if self.dimension in {"length", "shoe", "inch"} else "capacity"


class SharedWords(BaseModel):
    """Words that sellers of every world use; the inner mappings go from language to phrases."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    editions: Words
    regions: tuple[Words, ...]
    generation_forms: Words
    colours: dict[str, tuple[Words, ...]]
    pack: dict[str, Words]
    size: dict[str, Words]
    inch: dict[str, Words]
    condition: dict[str, dict[str, Words]]
    bundle: dict[str, Words]
    compatibility: dict[str, Words]
    attribute: dict[str, dict[str, str]]


class WorldWords(BaseModel):
    """What only one world has: names, code patterns, title templates, and the noise of its sellers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    brands: Words
    lines: Words
    code_letters: str
    code_patterns: Words
    tags: Words
    templates: Words
    promo: dict[str, Words]
    filler: dict[str, Words]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything one world needs. ``is_open`` says that its names are made of syllables."""

    world: World
    words: WorldWords
    categories: Mapping[str, Category]

    @property
    def is_open(self) -> bool:
        """True for the world whose names come from the syllable generator."""
        return not self.words.brands


@cache
def shared_words() -> SharedWords:
    """The words of every world."""
    return SharedWords.model_validate(_load("words"))


@cache
def load_lexicon(world: World) -> Lexicon:
    """The lexicon of a world with the categories it may use."""
    categories = {name: Category.model_validate(table) for name, table in _load("categories").items()}
    allowed = {name: category for name, category in categories.items() if world in category.worlds}
    return Lexicon(world, WorldWords.model_validate(_load(world.value)), MappingProxyType(allowed))


@cache
def named_words() -> frozenset[str]:
    """Every brand, line and single word of them in the fixed worlds, case folded: the syllable generator avoids them."""
    fixed = [load_lexicon(world).words for world in World]
    names = {name.casefold() for words in fixed for name in (*words.brands, *words.lines)}
    return frozenset(names | {word for name in names for word in name.split()})


def _load(name: str) -> dict[str, object]:
    return tomllib.loads((files("epm.sample") / "lexicon" / f"{name}.toml").read_text(encoding="utf-8"))
