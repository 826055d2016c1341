"""What a product holds: ``35-gal``, ``64 oz. capacity``, ``300-GB``, ``750 lb. total capacity``, ``30 sheets``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.attribute_text import alternatives, says_any
from epm.evidence.fields import Field, is_free
from epm.evidence.quantities import parse_number, unit_pattern, units

_Place = tuple[Field, tuple[int, int]]
_AMOUNT = r"(?<![\w,$/-])(?<![\d\s]\.)(\d[\d,]*(?:\.\d+)?(?:(?:/|-|x| x )\d[\d,]*(?:\.\d+)?)?|\.\d+)"
_SHEETS = re.compile(r"(?<![\w,/-])(?<![\d\s]\.)(\d{1,4})[ -]sheets?(?![^\W_])(?! ?/)")
_STORAGE_USE = re.compile(r"^(?:\)|/|ps\b|\w)|^ ?(?:/s|cache|fbwc|bbwc|sfp|fc\b|fibre|fiber|controller|ports?\b|short wave|mezz)")
_LOAD = re.compile(r"(?<![\w.,$-])\d[\d,]*-lb\b")
"""American offers write what a cart carries as "2000-lb"; "24 lb." is the weight of paper, "5 lb" that of a bag."""


@lru_cache(maxsize=1)
def _volume() -> re.Pattern[str]:
    cups = alternatives("attribute_unit", "volume:236.5882365")
    return re.compile(rf"{_AMOUNT}[ -]?({unit_pattern('volume')}|(?:oz|ounces?)\b|{cups}\b)\.?")


@lru_cache(maxsize=1)
def _storage() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,$-])(?<!\w/)(\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?)[ -]?({unit_pattern('storage')})")


@lru_cache(maxsize=1)
def _stated() -> tuple[re.Pattern[str], re.Pattern[str]]:
    length = alternatives("attribute_unit", "length:25.4")
    unit = rf"(?:{unit_pattern('volume', 'mass', 'storage')}|sheets?\b|cups?\b|quart\b|{length}|bottles?\b|cards?\b|pages?\b)\.?"
    amount = r"(?<![\w,$/-])(?<![\d\s]\.)((?:\d+[ -])?\d{1,2}/\d{1,2}|\d[\d,]*(?:\.\d+)?(?:[/-]\d[\d,]*(?:\.\d+)?)?)"
    before = re.compile(rf"({amount}[ -]?{unit})(?: [a-z]+){{0,2}} capacity")
    after = re.compile(rf"capacity[^:.;\d]{{0,25}}:? ({amount}[ -]?{unit})")
    return before, after


def read_capacities(fields: Sequence[Field]) -> tuple[Value, ...]:
    """The capacities of an offer: those called so first, then storage, volume, sheets and loads by their units."""
    found: list[Value] = []
    for field, place in _called(fields):
        _add(found, field, place, "capacity-word")
    # Beside a stated capacity, other volumes of a description are those of its parts.
    volumes = _volumes(fields[:1] if found else fields)
    by_unit = (("storage", _storages(fields)), ("volume", volumes), ("sheets", _sheets(fields)), ("load", _loads(fields[0])))
    for kind, places in by_unit:
        for field, place in places:
            _add(found, field, place, f"capacity-{kind}")
    return tuple(found)


def _called(fields: Sequence[Field]) -> Iterator[_Place]:
    for field in fields:
        for pattern in _stated():
            yield from ((field, m.span(1)) for m in pattern.finditer(field.folded.text))


def _storages(fields: Sequence[Field]) -> Iterator[_Place]:
    for field in fields:
        # Disks are measured in larger units than the caches and memories named beside them.
        for m in sorted(_storage().finditer(field.folded.text), key=lambda m: m.group(2) == "mb"):
            if not _STORAGE_USE.search(field.folded.text[m.end() :]):
                yield field, m.span()


def _volumes(fields: Sequence[Field]) -> Iterator[_Place]:
    for field in fields:
        yield from ((field, _unpointed(field, m)) for m in _volume().finditer(field.folded.text))


def _sheets(fields: Sequence[Field]) -> Iterator[_Place]:
    if says_any(fields[:1], "attribute_container", "holder"):
        for field in fields:
            yield from ((field, m.span()) for m in _SHEETS.finditer(field.folded.text))


def _loads(title: Field) -> Iterator[_Place]:
    yield from ((title, m.span()) for m in _LOAD.finditer(title.folded.text))


def _unpointed(field: Field, found: re.Match[str]) -> tuple[int, int]:
    """The match, its full stop kept only where a sentence goes on: the stop of an abbreviation."""
    is_abbreviation = field.folded.text[found.end() - 1] == "." and found.group(2) in {"oz", "lb", "lbs", "gal", "qt"}
    return found.start(), found.end() if is_abbreviation or field.folded.text[found.end() - 1] != "." else found.end() - 1


def _add(found: list[Value], field: Field, place: tuple[int, int], rule: str) -> None:
    if not is_free(place, [(v.start, v.end) for v in found if v.field == field.folded.field]):
        return
    key = " ".join(field.folded.text[slice(*place)].replace("-", " ").split())
    number, _, unit = key.rstrip(".").partition(" ")
    known = units().get(unit)
    value = field.value("capacity", key, place, rule)
    if known is not None and re.fullmatch(r"\d+(?:[.,]\d+)*", number):
        value = replace(value, amount=parse_number(number) * known[1], dimension=known[0])
    found.append(value)
