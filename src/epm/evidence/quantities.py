"""Measured values in exact decimals: ``1,5 l``, ``500ml``, ``15.6"``, ``30 x 20 cm``, ``2 TB``.

Units of one dimension are converted into its base; two values written in one unit must be equal, values in different
units may differ by half of the finer one's last written digit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.fields import Cover, Field, Taken, is_free
from epm.evidence.normalise import fold
from epm.evidence.words import word_list

CAPACITY_DIMENSIONS = frozenset({"mass", "volume", "storage", "charge", "energy"})
SIZE_DIMENSIONS = frozenset({"length", "area", "shoe", "letter", "box"})
_FRACTION = r"(?:\d{1,2}[ -])?\b(?:1|3|5|7|9|11|13|15)/(?:2|4|8|16|32|64)\b"
# A space parts thousands only before "000": in "KX 2 500 ml" it parts two numbers.
_NUMBER = rf"(?:{_FRACTION}|\d{{1,3}}(?:[ ']\d{{3}})*[ ']000|\d{{1,3}}(?:'\d{{3}})+|\d{{1,7}}(?:[.,]\d{{1,4}}){{0,2}})"
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_BINARY_TERABYTE = {Decimal(1024): Decimal(1000), Decimal(2048): Decimal(2000), Decimal(4096): Decimal(4000)}
_SHOE = re.compile(
    r"(?<![a-z0-9])(?:t\.|eu|eur|gr|grosse|size|taille|talla|taglia|pointure|numero|uk|us)\.? ?(\d{2}(?:[.,]5)?)(?![a-z0-9.,])"
)
_COMPOUNDS = (
    (("lb", "oz"), re.compile(r"(?<![a-z0-9.,])(\d{1,3}) ?(?:lbs?|pounds?),? ?(\d{1,2}(?:\.\d)?) ?(?:oz|ounces?)(?![^\W_])")),
    (("ft", "in"), re.compile(r"(?<![a-z0-9.,])(\d{1,2}) ?(?:ft|feet|foot|'),? ?(\d{1,2}(?:\.\d)?) ?(?:(?:in|inch|inches)(?![^\W_])|\")")),
)
_PLAIN_NUMBER = re.compile(rf"^\s*({_NUMBER})\s*$")
_CONVERTED_DIMENSIONS = frozenset({"mass", "volume", "length"})
_ROUNDING = Decimal("0.02")
"""Share by which a label's converted amount may be off: "3.5 oz" for 100 g is 0.8 %, "8 fl oz" for 240 ml 1.4 %; 500 for 473 ml is 5.4 %."""
_COARSE = Decimal("0.05")
"""Share beyond which no rounding explains a difference: "2 lb" is no kilogram although whole kilograms are coarse."""
_PROCESSOR = re.compile(r"\d{4}G")
_NUMBERED = re.compile(r"(?<![^\W_])\d{1,2} $")
_NETWORK_GENERATIONS = frozenset("2345")


@lru_cache(maxsize=1)
def units() -> Mapping[str, tuple[str, Decimal]]:
    """Each folded unit with its dimension and factor into the base unit."""
    found: dict[str, tuple[str, Decimal]] = {}
    for key, forms in word_list("unit").items():
        dimension, _, factor = key.partition(":")
        for form in forms:
            found[fold("", form).text] = (dimension, Decimal(factor))
    return found


@lru_cache(maxsize=8)
def unit_pattern(*dimensions: str) -> str:
    """A regular expression of every unit (of those dimensions), the longest first."""
    chosen = [form for form, (dimension, _) in units().items() if not dimensions or dimension in dimensions]
    forms = sorted(chosen, key=lambda form: (-len(form), form))
    words = [re.escape(form) + (r"(?![^\W_])" if form[-1].isalnum() else "") for form in forms if form not in {"in", "to", "a"}]
    if dimensions:
        return "(?:" + "|".join(words) + ")"
    # "5 in 1", "2 to 4" and "5 a day" are no inches, terabytes or ampere.
    words += [r"(?:in|to)(?![^\W_])(?![\s-]?\d)(?!-[a-z])(?!\s+stock)", r"(?<=\d)a(?![^\W_])"]
    return "(?:" + "|".join(words) + ")"


@lru_cache(maxsize=1)
def _measure() -> re.Pattern[str]:
    return re.compile(rf"(?:(?<![a-z0-9.,])|(?<=\dx))({_NUMBER})(?:\s|-)?({unit_pattern()})")


@lru_cache(maxsize=1)
def _box() -> re.Pattern[str]:
    length = r"(?:mm|cm|m|inches|inch|in|zoll|\"|')"
    return re.compile(rf"(?<![a-z0-9.,])({_NUMBER}) ?{length}? ?x ?({_NUMBER}) ?{length}?(?: ?x ?({_NUMBER}))? ?({length})(?![a-z0-9])")


def parse_number(text: str) -> Decimal:
    """The number as written in any locale: ``1,5`` is 1.5, ``1.000`` and ``1,000`` are 1000 (``0,750`` is not)."""
    if "/" in text:
        whole, upper, lower = re.fullmatch(r"(?:(\d+)[ -])?(\d+)/(\d+)", text).groups("0")  # type: ignore[union-attr]  # _FRACTION matched
        return int(whole) + Decimal(upper) / Decimal(lower)
    text = text.replace(" ", "").replace("'", "")
    if _THOUSANDS.fullmatch(text) and not text.startswith("0"):
        return Decimal(re.sub(r"[.,]", "", text))
    head, _, tail = text.replace(",", ".").rpartition(".")
    return Decimal(f"{head.replace('.', '')}.{tail}") if head else Decimal(tail)


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


def _n_decimals(number: Decimal) -> int:
    return max(0, -int(number.as_tuple().exponent))


def attribute_of(dimension: str) -> str:
    """``size`` for lengths and clothing sizes, ``capacity`` for everything else that is measured."""
    return "size" if dimension in SIZE_DIMENSIONS else "capacity"


def measured(field: Field, place: tuple[int, int], number: str, unit: str) -> Value | None:
    """The value of a number with its unit, or ``None`` where they mean something else (``5G``)."""
    dimension, factor = units()[unit]
    if unit == "g" and number in _NETWORK_GENERATIONS and "g" in field.folded.text[place[0] : place[1]].replace(" ", "")[1:2]:
        return None
    if number.startswith("802.11"):
        return None  # a wireless standard
    if unit == "g" and _PROCESSOR.fullmatch(field.span(*place).quote) and _NUMBERED.search(field.folded.text[: place[0]][-4:]):
        return None  # "Ryzen 5 5600G": behind the number of a line it is a model; "flour 1500G" is a weight in capitals
    if len(unit) == 1 and unit.isalpha() and field.folded.text[max(0, place[0] - 1) : place[0]] in {"-", "/"}:
        return None  # part of a code: "1036-12G-4S", "f/2.8L"
    written = parse_number(number)
    amount = written * factor
    if dimension == "storage":
        amount = _BINARY_TERABYTE.get(amount, amount)
    rule = f"measure:{unit}:{_n_decimals(written)}"
    value = field.value(attribute_of(dimension), f"{dimension} {_plain(amount)}", place, rule)
    return replace(value, amount=amount, dimension=dimension)


def _compounds(field: Field, taken: Cover) -> list[Value]:
    """Amounts in two units: ``1 lb 8 oz``, ``5'6"``."""
    found: list[Value] = []
    for unit, pattern in _COMPOUNDS:
        (dimension, factor), smaller = units()[unit[0]], units()[unit[1]][1]
        for m in pattern.finditer(field.folded.text):
            if taken.is_free(m.span()):
                amount = int(m.group(1)) * factor + parse_number(m.group(2)) * smaller
                rule = f"measure:{unit[1]}:{_n_decimals(parse_number(m.group(2)))}"
                value = field.value(attribute_of(dimension), f"{dimension} {_plain(amount)}", m.span(), rule)
                found.append(replace(value, amount=amount, dimension=dimension))
    return found


def read_quantities(field: Field, taken: Taken) -> tuple[Value, ...]:
    """The measured values of one field, left to right."""
    text = field.folded.text
    found: list[Value] = []
    for m in _box().finditer(text):
        if is_free(m.span(), taken):
            factor = units()[m.group(4)][1]
            # Shops begin with another side: the sides are compared in order of length.
            sides = [_plain(side) for side in sorted(parse_number(number) * factor for number in m.groups()[:3] if number)]
            found.append(replace(field.value("size", "box " + " x ".join(sides), m.span(), "box"), dimension="box"))
    places = Cover(taken)
    for value in found:
        places.add((value.start, value.end))
    for value in _compounds(field, places):
        places.add((value.start, value.end))
        found.append(value)
    for m in _measure().finditer(text):
        if is_free(m.span(), places):
            single = measured(field, m.span(), m.group(1), m.group(2))
            if single is not None:
                found.append(single)
    return tuple(found)


def read_sizes(field: Field, taken: Taken) -> tuple[Value, ...]:
    """Clothing and shoe sizes: letter sizes, ``EU 42``, and bare numbers in a size field."""
    found: list[Value] = []
    for phrase, place in field.phrases_of("size"):
        if is_free(place, taken):
            found.append(replace(field.value("size", phrase.value, place, "letter-size"), dimension="letter"))
    shoe = list(_SHOE.finditer(field.folded.text))
    if field.kind == "size" and not found and not shoe:
        whole = field.folded.text.strip()
        if whole in {"s", "m", "l"}:
            start = field.folded.text.index(whole)
            found.append(replace(field.value("size", whole, (start, start + 1), "size-field"), dimension="letter"))
        elif (bare := _PLAIN_NUMBER.match(field.folded.text)) is not None:
            shoe = [bare]
    for m in shoe:
        if is_free(m.span(), taken):
            amount = parse_number(m.group(1))
            found.append(replace(field.value("size", f"shoe {_plain(amount)}", m.span(), "shoe-size"), amount=amount, dimension="shoe"))
    return tuple(found)


def is_equal_measure(left: Value, right: Value) -> bool:
    """True if two values of one dimension are the same amount as far as they are written."""
    if left.key == right.key:
        return True
    if left.amount is None or right.amount is None or left.dimension != right.dimension:
        return False
    left_unit, left_step = _written_step(left)
    right_unit, right_step = _written_step(right)
    difference = abs(left.amount - right.amount)
    if left_unit == right_unit or not left_step or not right_step:
        is_nominal = left.dimension == "length" and {left_step, right_step} == {Decimal("25.4"), Decimal("2.54")}
        return is_nominal and difference <= Decimal("12.7")
    larger = max(left.amount, right.amount)
    if difference <= min(min(left_step, right_step) / 2, larger * _COARSE):
        return True
    # "3.4 fl oz" is 100 ml, converted and rounded; two metric units need no rounding.
    is_converted = left.dimension in _CONVERTED_DIMENSIONS and _is_metric(left_step) is not _is_metric(right_step)
    return is_converted and difference <= max(left_step, right_step) / 2 and difference <= larger * _ROUNDING


def as_fluid(value: Value) -> Value:
    """A plain "oz" as the fluid ounce that it stands for beside millilitres; any other value as it is."""
    kind, _, rest = value.rule.partition(":")
    unit, _, n_decimals = rest.rpartition(":")
    if kind != "measure" or value.amount is None or units().get(unit) != units()["oz"]:
        return value
    dimension, factor = units()["fl oz"]
    amount = value.amount / units()["oz"][1] * factor
    rule = f"measure:fl oz:{n_decimals}"
    return replace(value, key=f"{dimension} {_plain(amount)}", rule=rule, amount=amount, dimension=dimension)


def _is_metric(step: Decimal) -> bool:
    return step.normalize().as_tuple().digits == (1,)


def _written_step(value: Value) -> tuple[str, Decimal]:
    kind, _, rest = value.rule.partition(":")
    if kind != "measure":
        return "", Decimal(0)
    unit, _, n_decimals = rest.rpartition(":")
    dimension, factor = units()[unit]
    return f"{dimension}{factor}", factor.scaleb(-int(n_decimals))
