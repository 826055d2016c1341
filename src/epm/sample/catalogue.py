"""Product families: a base product with the variants, packs and extras it is sold in, its rivals and its accessories.

Every model in a catalogue is registered in ``taken``, so that catalogues that share one ``taken`` share no product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from epm.errors import ConfigError
from epm.sample.names import Code, near_code, new_code, open_name, syllable_word
from epm.sample.product import Host, Product
from epm.sample.world import Category, Lexicon, Words, shared_words

T = TypeVar("T")
Edit = Callable[[], dict[str, object]]

_MAX_TRIES = 2000

_P_ACCESSORY_FAMILY = 0.06
_P_TWO_WORD_LINE = 0.3
_P_GENERATION = 0.4
_P_EDITION = 0.35
_P_PART_NUMBER = 0.4
_P_SHARED_IDS = 0.5
_P_REGIONAL = 0.3
_P_OPEN_EDITION = 0.5
_P_OPEN_TYPE = 0.4
_P_OPEN_COLOUR = 0.15
_P_OPEN_AMOUNT = 0.6
_N_RIVALS = 3
_N_OPTIONS = 3
_OPEN_STEPS = {"volume": 50, "mass": 50, "data": 16, "length": 5, "shoe": 1, "inch": 1}
_OPEN_RANGE = {"volume": 60, "mass": 60, "data": 40, "length": 80, "shoe": 47, "inch": 70}


@dataclass(frozen=True, slots=True)
class Rival:
    """A product of another model that is easily confused, and the attributes in which it differs."""

    product: Product
    differs_in: frozenset[str]


@dataclass(frozen=True, slots=True)
class Family:
    """A model and everything around it; empty tuples where its category has no such thing."""

    base: Product
    category: Category
    colours: tuple[str, ...]
    amounts: tuple[int, ...]
    regions: tuple[int, ...]
    packs: tuple[int, ...]
    extras: tuple[Words, ...]
    rivals: tuple[Rival, ...]
    accessories: tuple[Product, ...]


class Catalogue:
    """Makes families of one world; deterministic for a generator state."""

    def __init__(self, lexicon: Lexicon, rng: Random, taken: set[str]) -> None:
        self._lexicon = lexicon
        self._rng = rng
        self._taken = taken
        self._waiting: list[tuple[str, Category]] = []

    def family(self) -> Family:
        """A new family whose model and rivals are in no other family of the same ``taken``."""
        rng = self._rng
        name, category = self._next_category()
        is_accessory = bool(category.accessories) and rng.random() < _P_ACCESSORY_FAMILY
        make = self._accessory_base if is_accessory else self._base
        base = self._claim(lambda: make(name, category), lambda product: product)
        rivals = tuple(self._rival(base, category) for _ in range(_N_RIVALS))
        if is_accessory:
            return Family(base, category, (), (), (), (), (), rivals, ())
        return Family(
            base, category, self._colours(category), self._amounts(category), self._regions(category),
            tuple(sorted(rng.sample(category.packs, min(2, len(category.packs))))),
            category.extras, rivals, self._accessories(base, category),
        )  # fmt: skip

    def _next_category(self) -> tuple[str, Category]:
        """Every category in turn, in a new random order each round."""
        if not self._waiting:
            self._waiting = list(self._lexicon.categories.items())
            self._rng.shuffle(self._waiting)
        return self._waiting.pop()

    def _claim(self, make: Callable[[], T], product_of: Callable[[T], Product]) -> T:
        """The first thing made whose product's model is in no family yet."""
        for _ in range(_MAX_TRIES):
            made = make()
            key = product_of(made).model_key
            if key not in self._taken:
                self._taken.add(key)
                return made
        world, n_taken = self._lexicon.world.value, len(self._taken)
        raise ConfigError(f"world {world!r} has no free names after {n_taken} models: ask for fewer pairs at once")

    def _base(self, name: str, category: Category) -> Product:
        rng, lexicon = self._rng, self._lexicon
        return Product(
            category=name, brand=self._brand(), types=self._types(category.types), line=self._line(),
            code=new_code(rng, lexicon) if category.coded else None,
            edition=self._edition() if category.editions and rng.random() < _P_EDITION else None,
            generation=2 + int(rng.random() * 4) if category.generations and rng.random() < _P_GENERATION else None,
            dimension=category.dimension, has_part_number=not category.coded or rng.random() < _P_PART_NUMBER,
            shares_ids=rng.random() < _P_SHARED_IDS,
        )  # fmt: skip

    def _accessory_base(self, name: str, category: Category) -> Product:
        code = new_code(self._rng, self._lexicon) if category.coded else None
        host = Host(self._brand(), self._line(), code)
        return Product(category=name, brand=self._brand(), types=self._types(category.accessories), host=host)

    def _accessories(self, base: Product, category: Category) -> tuple[Product, ...]:
        if not category.accessories:
            return ()
        host = Host(base.brand, base.line or "", base.code)
        brands = (base.brand, self._brand())
        return tuple(Product(category=base.category, brand=brand, types=self._types(category.accessories), host=host) for brand in brands)

    def _rival(self, base: Product, category: Category) -> Rival:
        edits = self._edits(base, category)

        def edited() -> Rival:
            changes = self._pick(edits)()
            product = replace(base, **changes)  # type: ignore[arg-type]  # the edits name Product's own fields
            return Rival(product, frozenset(_ATTRIBUTE_OF_FIELD[field] for field in changes))

        return self._claim(edited, lambda rival: rival.product)

    def _edits(self, base: Product, category: Category) -> list[Edit]:
        """Ways to become a rival, listed as often as they should be tried."""
        rng, lexicon = self._rng, self._lexicon
        edits: list[Edit] = []
        if (host := base.host) is not None:
            edits += [lambda: {"host": self._near_host(host)}] * 2
            edits += [lambda: {"brand": self._brand()}]
            return edits
        if base.code is not None:
            code: Code = base.code
            edits += [lambda: {"code": near_code(rng, code, lexicon)}] * 5
            edits += [lambda: {"code": new_code(rng, lexicon)}]
            edits += [lambda: {"line": self._other_line(base.line), "code": new_code(rng, lexicon)}]
            edits += [lambda: {"brand": self._brand(), "code": new_code(rng, lexicon)}]
        else:
            edits += [lambda: {"line": self._other_line(base.line)}] * 4
            edits += [lambda: {"brand": self._brand()}] * 2
        if base.generation is not None:
            edits += [lambda: {"generation": self._other_generation(base.generation)}] * 4
        if category.editions and base.edition is not None:
            edits += [lambda: {"edition": self._edition()}] * 3
        return edits

    def _near_host(self, host: Host) -> Host:
        if host.code is None:
            return replace(host, line=self._other_line(host.line))
        return replace(host, code=near_code(self._rng, host.code, self._lexicon))

    def _brand(self) -> str:
        return open_name(self._rng) if self._lexicon.is_open else self._pick(self._lexicon.words.brands)

    def _line(self) -> str:
        if self._lexicon.is_open:
            return open_name(self._rng)
        first = self._pick(self._lexicon.words.lines)
        second = self._pick(self._lexicon.words.lines) if self._rng.random() < _P_TWO_WORD_LINE else first
        return first if second == first else f"{first} {second}"

    def _other_line(self, line: str | None) -> str:
        """Another line: of a name of two words one word is exchanged."""
        first, _, second = (line or "").partition(" ")
        while (new := self._line().partition(" ")[0]) in {first, second}:
            pass
        return f"{first} {new}" if second else new

    def _edition(self) -> str:
        if self._lexicon.is_open and self._rng.random() < _P_OPEN_EDITION:
            return syllable_word(self._rng).capitalize()
        return self._pick(shared_words().editions)

    def _other_generation(self, generation: int | None) -> int:
        return (generation or 1) + self._pick((1, -1))

    def _types(self, real: tuple[Words, ...]) -> Words:
        if self._lexicon.is_open and self._rng.random() < _P_OPEN_TYPE:
            return tuple(syllable_word(self._rng) for _ in range(5))
        return self._pick(real)

    def _colours(self, category: Category) -> tuple[str, ...]:
        if not category.colour:
            return ()
        names = self._rng.sample(list(shared_words().colours), _N_OPTIONS)
        if self._lexicon.is_open and self._rng.random() < _P_OPEN_COLOUR:
            names[:2] = [syllable_word(self._rng), syllable_word(self._rng)]
        return tuple(dict.fromkeys(names))

    def _amounts(self, category: Category) -> tuple[int, ...]:
        if category.dimension is None:
            return ()
        if self._lexicon.is_open and self._rng.random() < _P_OPEN_AMOUNT:
            step, highest = _OPEN_STEPS[category.dimension], _OPEN_RANGE[category.dimension]
            return tuple(step * n for n in self._rng.sample(range(max(1, highest // 3), highest), _N_OPTIONS))
        return tuple(self._rng.sample(category.amounts, _N_OPTIONS))

    def _regions(self, category: Category) -> tuple[int, ...]:
        if not category.region or self._rng.random() > _P_REGIONAL:
            return ()
        return tuple(self._rng.sample(range(len(shared_words().regions)), 2))

    def _pick(self, options: Sequence[T]) -> T:
        return options[int(self._rng.random() * len(options))]


_ATTRIBUTE_OF_FIELD = {
    "brand": "brand", "line": "name", "code": "model", "generation": "generation", "edition": "edition", "host": "compatibility",
}  # fmt: skip
