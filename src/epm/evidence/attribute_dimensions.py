"""Width, height, length and depth: labelled (``24"W x 18"D``, ``36" high``), in a box (``8 1/2 x 11``), or one bare measure.

A bare measure or box does not say what it measures; what the thing is tells that (``attribute_shape.toml``): a vase is so
high, a knife so long, a cart so wide and long. Unit-less boxes are taken as inches, as American offers write them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.attribute_text import alternatives, says_any, word_pattern
from epm.evidence.fields import Field, is_free
from epm.evidence.quantities import units
from epm.evidence.words import word_list

_NUMBER = r"(?:\d{1,4}[ -]\d{1,2}[/⁄][1-9]\d?|\d{1,2}[/⁄][1-9]\d?|\d{1,4}(?:\.\d{1,3})?|\.\d{1,3})"
_LABELS = {
    "w": "width", "wide": "width", "width": "width", "h": "height", "high": "height", "height": "height", "tall": "height",
    "l": "length", "long": "length", "length": "length", "d": "depth", "deep": "depth", "depth": "depth",
}  # fmt: skip
_LABEL_WORD = r"(wide|width|high|height|tall|long|length|deep|depth|[whld])(?![^\W_])"
_AXIS_ORDER = re.compile(r"\(([whld]) ?x ?([whld])(?: ?x ?([whld]))?\)")
_INCH = Decimal("25.4")
_LONG_UNIT_MM = Decimal(300)


@lru_cache(maxsize=1)
def _unit() -> str:
    small = ["mm", "cm", "m", "millimeters", "centimeters", "meters"]
    lengths = alternatives("attribute_unit", "length:914.4", "length:25.4", "length:304.8")
    return rf"(?:{lengths}|{'|'.join(small)})(?![^\W_])|[\"']|(?:in|ft)(?=x)"


@lru_cache(maxsize=1)
def _factors() -> dict[str, Decimal]:
    found = {form: factor for form, (dimension, factor) in units().items() if dimension == "length"}
    for key, forms in word_list("attribute_unit").items():
        dimension, _, factor = key.partition(":")
        if dimension == "length":
            found.update(dict.fromkeys(forms, Decimal(factor)))
    return found


@lru_cache(maxsize=1)
def _labelled() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/$#-])(?<![\d\s]\.)({_NUMBER})(?:(?:\s|-)?({_unit()}))?( ?-?){_LABEL_WORD}")


@lru_cache(maxsize=1)
def _box() -> re.Pattern[str]:
    side = rf"({_NUMBER})(?:[ -]?({_unit()}))?"
    end = r"(?!(?!x ?\d)[\w/%]|\.\d|-\d| ?(?:gb|tb|mb|gm|g|kg|ml|oz|ghz|mhz|lb|pk|pack|sheets)\b)"
    return re.compile(rf"(?<![\w/$#-])(?<![\d\s]\.){side} ?x ?{side}{end}(?: ?x ?{side}{end})?")


@lru_cache(maxsize=1)
def _range() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/$#-])(?<![\d\s]\.){_NUMBER}\" ?- ?({_NUMBER})(\")")


@lru_cache(maxsize=1)
def _single() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/$#-])(?<![\d\s]\.)(?<! x )(?<! to )({_NUMBER})[ -]?({_unit()})(?!\w)(?! ?x ?\d)(?! ?(?:-|to) ?\d)")


def read_dimensions(fields: Sequence[Field]) -> tuple[Value, ...]:
    """The dimensions of an offer, each with its amount in millimetres; labelled ones first, then boxes, then bare measures."""
    found: list[Value] = []
    for field in fields:
        found += _read_labelled(field)
    places = {field.folded.field: [(v.start, v.end) for v in found if v.field == field.folded.field] for field in fields}
    for field in fields:
        boxes = (m for m in _box().finditer(field.folded.text) if is_free(m.span(), places[field.folded.field]))
        for m in [m for m in boxes if not _is_part(field, m.end())][:1]:
            found += _sides(fields, field, m)
            places[field.folded.field].append(m.span())
    return (*found, *_bare(fields, places, found))


def _read_labelled(field: Field) -> list[Value]:
    matches = list(_labelled().finditer(field.folded.text))
    letters = {m.group(4) for m in matches if len(m.group(4)) == 1}
    found = []
    for m in matches:
        _number, unit, gap, label = m.groups()
        if len(label) == 1 and not unit and (gap or len(letters) == 1):
            continue  # "100W", "2 L": a unit of something else
        if not _is_part(field, m.end()):
            place = (m.start(1), m.end(2) if unit else m.end(1))
            found.append(_value(field, place, _LABELS[label], "dimension-label", unit))
    return found


def _is_part(field: Field, end: int) -> bool:
    """True if a part of the product is named right after the measure: its measure is not the product's."""
    rest = field.folded.text[end : end + 40].lstrip(" -")
    part = word_pattern("attribute_shape", "part").match(rest)
    return part is not None and not rest[part.end() :].startswith(" size")


def _value(field: Field, place: tuple[int, int], attribute: str, rule: str, unit: str | None) -> Value:
    text = field.folded.text[slice(*place)]
    number = re.match(_NUMBER, text)
    factor = _factors().get((unit or '"').strip(), _INCH)
    amount = _decimal(number.group()) * factor if number else None
    return replace(field.value(attribute, f"length {amount}", place, rule), amount=amount, dimension="length")


def _decimal(text: str) -> Decimal:
    parts = re.split(r"[ -]", text.replace("⁄", "/"))
    total = sum((Fraction(part if part[0] != "." else "0" + part) for part in parts), Fraction(0))
    return Decimal(total.numerator) / Decimal(total.denominator)


def _sides(fields: Sequence[Field], field: Field, box: re.Match[str]) -> list[Value]:
    """The sides of an unlabelled box under their likely names."""
    written = [(g, box.group(g + 1)) for g in (1, 3, 5) if box.group(g)]
    places = [(box.start(g), box.end(g + 1) if unit else box.end(g)) for g, unit in written]
    last_unit = next((unit for _, unit in reversed(written) if unit), None)
    values = [_value(field, place, "width", "dimension-box", unit or last_unit) for place, (_, unit) in zip(places, written, strict=True)]
    names = _side_names(fields, values, field)
    return [replace(value, attribute=name) for value, name in zip(values, names, strict=True)]


def _side_names(fields: Sequence[Field], values: Sequence[Value], field: Field) -> Sequence[str]:
    order = _AXIS_ORDER.search(field.folded.text)
    if order is not None:
        return [_LABELS[letter or "d"] for letter in order.groups()][: len(values)]
    amounts = [value.amount or Decimal(0) for value in values]
    if len(values) == 3:  # noqa: PLR2004 - three sides
        return ("width", "length", "height") if amounts[0] == amounts[1] else ("width", "height", "depth")
    title = fields[:1]
    is_tape = amounts[1] > _LONG_UNIT_MM * 3 and amounts[0] < _LONG_UNIT_MM
    if is_tape or says_any(title, "attribute_shape", "flat"):
        return ("width", "length") if amounts[0] <= amounts[1] else ("length", "width")
    if says_any(title, "attribute_shape", "portrait") and amounts[0] > amounts[1]:
        return ("height", "width")
    return ("width", "height")


def _bare(fields: Sequence[Field], places: dict[str, list[tuple[int, int]]], known: Sequence[Value]) -> list[Value]:
    """Measures that stand alone: in the title, or between two commas of the description."""
    labels = {value.amount: value.attribute for value in reversed(known) if value.rule == "dimension-label"}
    title = fields[0]
    attribute = "height" if says_any([title], "attribute_shape", "upright") else "width"
    attribute = "length" if says_any([title], "attribute_shape", "long") else attribute
    found = []
    for m in _range().finditer(title.folded.text):
        if all(value.attribute != "length" for value in known):
            found.append(_range_value(title, m))
            places[title.folded.field].append(m.span())
    for field in fields:
        for m in _single().finditer(field.folded.text):
            is_alone = (field is title or _is_segment(field, m)) and not _is_maker(field, m)
            if is_alone and is_free(m.span(), places[field.folded.field]) and not _is_part(field, m.end()):
                is_long = _factors().get(m.group(2), _INCH) > _LONG_UNIT_MM
                found.append(_value(field, m.span(), "length" if is_long else attribute, "dimension-bare", m.group(2)))
    # A bare measure takes the name under which another place labels the same amount.
    return [replace(v, attribute=labels.get(v.amount, v.attribute)) if v.rule == "dimension-bare" else v for v in found]


def _range_value(field: Field, found: re.Match[str]) -> Value:
    value = _value(field, found.span(1), "length", "dimension-range", '"')
    return replace(field.value("length", value.key, found.span(), "dimension-range"), amount=value.amount, dimension="length")


def _is_maker(field: Field, found: re.Match[str]) -> bool:
    """True for "3M": metres are written small."""
    return found.group(2) == "m" and field.span(*found.span()).quote.endswith("M")


def _is_segment(field: Field, found: re.Match[str]) -> bool:
    before, after = field.folded.text[: found.start()].rstrip(), field.folded.text[found.end() :].lstrip()
    return before.endswith(",") and after[:1] in {",", ".", ";", ""}
