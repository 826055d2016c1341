"""The attributes that an offer states in its running texts, each value with its verbatim span and the rule that read it.

    found = read_attributes({"title": 'Kolvra KX-120 Shelf, 24"W x 18"D, Black'})
    found["width"][0].span.quote   # 24"

Values of an attribute are ranked: the likeliest first. What is not stated is absent, never guessed from outside the offer.
"""

from __future__ import annotations

from collections.abc import Mapping

from epm.evidence.atoms import Value
from epm.evidence.attribute_capacity import read_capacities
from epm.evidence.attribute_colours import read_attribute_colours
from epm.evidence.attribute_dimensions import read_dimensions
from epm.evidence.attribute_makers import read_makers
from epm.evidence.attribute_numbers import read_part_numbers, read_upcs
from epm.evidence.attribute_packs import read_pack_quantities
from epm.evidence.attribute_text import read_text
from epm.evidence.fields import read_fields

ATTRIBUTES = ("maker", "part_number", "upc", "colour", "capacity", "pack_quantity", "width", "height", "length", "depth")
"""What is read. ``maker`` answers for brand and manufacturer, ``part_number`` for part, model and stock numbers: running
text does not tell them apart."""

_STATED = {
    "brand": "maker",
    "mpn": "part_number",
    "model": "part_number",
    "gtin": "upc",
    "colour": "colour",
    "capacity": "capacity",
    "pack": "pack_quantity",
}
_SIZES = ("width", "height", "length", "depth")


def read_attributes(texts: Mapping[str, str]) -> Mapping[str, tuple[Value, ...]]:
    """The values of each attribute that the texts of a listing state (keys of ``Listing.texts()``). Never raises.

    Named fields come before what is read in the title and the description.
    """
    found: dict[str, list[Value]] = {}
    for value in (*_stated_fields(texts), *_running_texts(texts)):
        found.setdefault(value.attribute, []).append(value)
    return {attribute: tuple(found[attribute]) for attribute in ATTRIBUTES if attribute in found}


def _stated_fields(texts: Mapping[str, str]) -> list[Value]:
    found = []
    for field in read_fields({name: raw for name, raw in texts.items() if name not in {"title", "description"}}):
        name = field.folded.field.rpartition(".")[2].lower()
        attribute = name if name in _SIZES else _STATED.get(field.kind)
        if attribute is not None and field.words:
            place = (field.words[0].start, len(field.folded.text.rstrip()))
            found.append(field.value(attribute, field.folded.text[slice(*place)], place, "field"))
    return found


def _running_texts(texts: Mapping[str, str]) -> list[Value]:
    fields = [read_text(name, texts[name]) for name in ("title", "description") if texts.get(name, "").strip()]
    if not fields:
        return []
    title, description = fields[0], next((field for field in fields[1:]), None)
    upcs, dimensions = read_upcs(fields), read_dimensions(fields)
    packs, capacities = read_pack_quantities(fields), read_capacities(fields)
    measured = [*upcs, *dimensions, *packs, *capacities]
    numbers = read_part_numbers(title, description, measured)
    makers = read_makers(title, description, next((number for number in numbers if number.field == title.folded.field), None))
    colours = read_attribute_colours(fields, [(value.start, value.end) for value in makers if value.field == title.folded.field])
    return [*makers, *numbers, *upcs, *colours, *capacities, *packs, *dimensions]
