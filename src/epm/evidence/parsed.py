"""What the engine read in one listing: every value with its place, and the words of the title that are left over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from epm.evidence import bundle, colours, compatibility, condition, identifiers, noise, packs, platforms, quantities
from epm.evidence.atoms import Value
from epm.evidence.brand import read_brand
from epm.evidence.fields import Cover, Field, Taken, is_free, read_fields
from epm.evidence.normalise import squeeze

_GENERATION = re.compile(
    r"(?<![^\W_])(?:(?:gen|generation|generacion|generazione)\.? ?(\d{1,2})|(\d{1,2})(?:st|nd|rd|th|e|eme|er|re) ?(?:gen|generation|generacion|generazione)|"
    r"(\d{1,2})[.a]? ?(?:gen|generation|generacion|generazione)(?! ?\d{1,2}(?![^\W_]))|"
    r"(?:mk|mark) ?(\d{1,2}|iv|v|i{1,3})|v(\d)(?:\.0)?)(?![^\W_])"
)
_YEAR = re.compile(r"(?<![\w.,-])(20[0-3]\d|19[89]\d)(?![\w,]|[.-]\d)")
PLUS = "plus"
_PLUS_SIGN = re.compile(r"(?<=[a-z]\d)\+(?![^\W_])|(?<=[a-z]\d\d)\+(?![^\W_])")
"""The edition of a model that ends in digits ("S21+"); behind a bare number a plus is an age ("3+")."""
_VERSION = re.compile(r"v\d{1,2}")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5"}
_FIELD_READERS: tuple[tuple[frozenset[str], Callable[[Field, Taken], tuple[Value, ...]]], ...] = (
    (frozenset({"title", "condition"}), condition.read_conditions),
    (frozenset({"title", "compatibility"}), compatibility.read_compatibility),
    (frozenset({"title", "compatibility"}), platforms.read_platforms),
    (frozenset({"title", "bundle"}), bundle.read_bundles),
    (frozenset({"title", "pack", "size", "capacity", "other"}), packs.read_packs),
    (frozenset({"title", "size", "capacity", "other", "pack"}), quantities.read_quantities),
    (frozenset({"title", "size"}), quantities.read_sizes),
    (frozenset({"title", "region"}), condition.read_regions),
    (frozenset({"title", "colour"}), colours.read_colours),
)
_OPEN_READERS = frozenset({"compatibility", "platform", "bundle"})
"""Their values reach to the end of a phrase, or are words of the name too: other readers may still read inside."""
_LOOSE_READERS = frozenset({"colour", "generation", "region"})
"""Their values may be a part of a longer code."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the title that no reader has taken: part of the product's name."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParsedListing:
    """All values of a listing by attribute, and its name.

    ``names`` are the left-over title words; ``grams`` the squeezed one- to three-word runs of the title and the other
    short fields; ``description_grams`` those of the description, which can confirm a code but never refute one.
    ``core_words`` are the names with the title's codes and type words: what the similarity of the core rests on.
    """

    values: Mapping[str, tuple[Value, ...]]
    names: tuple[Word, ...]
    grams: frozenset[str]
    description_grams: frozenset[str]
    title: Field | None
    core_words: tuple[Word, ...] = ()

    def of(self, attribute: str) -> tuple[Value, ...]:
        """The values of one attribute, title first."""
        return self.values.get(attribute, ())

    def first(self, attribute: str) -> Value | None:
        """The first value of one attribute, if any."""
        return next(iter(self.of(attribute)), None)


def parse_texts(texts: Mapping[str, str]) -> ParsedListing:
    """Everything the engine reads in a listing's texts. Never raises."""
    fields = read_fields(texts)
    title = next((field for field in fields if field.kind == "title"), None)
    values: dict[str, list[Value]] = {}

    def keep(found: Sequence[Value]) -> None:
        for value in found:
            values.setdefault(value.attribute, []).append(value)

    keep(identifiers.read_gtins(fields))
    keep(identifiers.read_asins([field for field in fields if field.kind in {"title", "asin", "mpn"}]))
    keep(identifiers.read_field_codes(fields, "mpn"))
    keep(identifiers.read_field_codes(fields, "model"))
    known_brand = read_brand(fields, None, ())
    for field in fields:
        keep(_read_field(field, known_brand))
    if "colour" not in values:
        keep(colours.described_colour(fields))
    if title is not None:
        loose = _taken({kind: values.get(kind, []) for kind in _LOOSE_READERS}, title)
        firm = _taken({kind: found for kind, found in values.items() if kind not in _LOOSE_READERS}, title)
        keep(identifiers.read_title_codes(title, [*firm, *_brand_places(title, known_brand)], loose))
    if title is not None and "gtin" not in values:
        keep(identifiers.read_bare_gtins(title))
    brand = known_brand or read_brand(fields, title, _taken(values, title), values.get("compatibility", ()))
    if brand is not None:
        keep([brand])
    names = () if title is None else _names(title, _taken(values, title), _other_products(values, title), brand)
    description = next((field for field in fields if field.kind == "description"), None)
    short = [field for field in fields if field.kind in {"title", "brand", "mpn", "model", "name"}]
    return ParsedListing(
        {attribute: tuple(found) for attribute, found in values.items()}, names,
        frozenset().union(*(_grams(field) for field in short)), _grams(description) if description else frozenset(), title,
        _core_words(names, values, title),
    )  # fmt: skip


def _read_field(field: Field, brand: Value | None) -> list[Value]:
    found: list[Value] = list(noise.read_noise(field)) if field.kind == "title" else []
    taken = Cover([*((value.start, value.end) for value in found), *_brand_places(field, brand)])
    if field.kind in {"title", "generation"}:
        found.extend(_read_generations(field, taken))
        for value in found:
            taken.add((value.start, value.end))
    for kinds, reader in _FIELD_READERS:
        if field.kind in kinds:
            for value in reader(field, taken):
                found.append(value)
                if value.attribute not in _OPEN_READERS:
                    taken.add((value.start, value.end))
    if field.kind in {"title", "type"}:
        found.extend(
            field.value("type", phrase.value, place, "type-word") for phrase, place in field.phrases_of("type") if is_free(place, taken)
        )
    return found


def _brand_places(field: Field, brand: Value | None) -> list[tuple[int, int]]:
    """Places of the known brand, so that "Black+Decker" is no colour."""
    # An alias of one word may be a product line; one of several words ("Black & Decker") is a maker.
    places = [place for phrase, place in field.phrases_of("brand") if phrase.last - phrase.first > 1]
    if brand is not None and field.kind == "title":
        for first in range(len(field.words)):
            joined = ""
            for word in field.words[first : first + 4]:
                joined += word.key
                if joined == brand.key:
                    places.append((field.words[first].start, word.end))
                if len(joined) >= len(brand.key):
                    break
    return places


def _read_generations(field: Field, taken: Taken) -> list[Value]:
    found = []
    for m in _GENERATION.finditer(field.folded.text):
        key = next(group for group in m.groups() if group)
        if is_free(m.span(), taken):
            found.append(field.value("generation", f"gen {_ROMAN.get(key, key)}", m.span(), "generation"))
    years = (m for m in _YEAR.finditer(field.folded.text) if is_free(m.span(), taken))
    found.extend(field.value("generation", f"year {m.group(1)}", m.span(), "year") for m in years)
    if field.kind == "generation" and not found and field.words:
        digits = "".join(c for c in field.folded.text if c.isdigit()) or squeeze(field.folded.text)
        found.append(field.value("generation", f"gen {digits}", (field.words[0].start, field.words[-1].end), "generation-field"))
    return found


def _taken(values: Mapping[str, list[Value]], title: Field | None) -> list[tuple[int, int]]:
    return [
        (value.start, value.end)
        for attribute, found in values.items()
        if title is not None and attribute not in _OPEN_READERS
        for value in found
        if value.field == title.folded.field
    ]


def _other_products(values: Mapping[str, list[Value]], title: Field) -> list[tuple[int, int]]:
    """Stretches of the title that speak of another product: what is added, what it fits."""
    found = [value for attribute in sorted(_OPEN_READERS) for value in values.get(attribute, ())]
    return [(value.start, value.end) for value in found if value.trust == "strong" and value.field == title.folded.field]


def _names(title: Field, taken: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]], brand: Value | None) -> tuple[Word, ...]:
    stops = {place for kind in ("stop", "compatibility", "bundle") for _, place in title.phrases_of(kind)}
    places = [*taken, *stops, *others, *_brand_places(title, brand)]
    covered = Cover(places)
    words = [Word(word.key, word.start, word.end) for word in title.words if covered.is_free((word.start, word.end))]
    words += [Word(PLUS, *m.span()) for m in _PLUS_SIGN.finditer(title.folded.text) if Cover(others).is_free(m.span())]
    words.sort(key=lambda word: word.start)
    return _with_versions(words, title.folded.text)


def _with_versions(words: Sequence[Word], text: str) -> tuple[Word, ...]:
    """The words with the parts of a decimal number joined: ``9.0`` is one word, equal to ``9`` and to ``v9``."""
    found: list[Word] = []
    for word in words:
        last = found[-1] if found else None
        if last is not None and last.key.isdigit() and word.key.isdigit() and text[last.end : word.start].strip() == ".":
            fraction = word.key.rstrip("0")
            found[-1] = Word(f"{last.key}.{fraction}" if fraction else last.key, last.start, word.end)
        else:
            found.append(Word(word.key[1:], word.start, word.end) if _VERSION.fullmatch(word.key) else word)
    return tuple(found)


def _core_words(names: Sequence[Word], values: Mapping[str, list[Value]], title: Field | None) -> tuple[Word, ...]:
    if title is None:
        return ()
    own = [v for kind in ("model", "type", "brand") for v in values.get(kind, ()) if v.field == title.folded.field and v.trust != "alias"]
    words = {word.start: word for word in names}
    words.update({v.start: Word(f"type {v.key}" if v.attribute == "type" else v.key, v.start, v.end) for v in own})
    return tuple(words[start] for start in sorted(words))


def _grams(field: Field) -> frozenset[str]:
    keys = [word.key for word in field.words[:400]]
    found = set(keys)
    found.update([a + b for a, b in pairwise(keys)])
    found.update([a + b + c for a, b, c in zip(keys, keys[1:], keys[2:], strict=False)])
    return frozenset(found)
