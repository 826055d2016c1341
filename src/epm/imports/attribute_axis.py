"""Which axis an attribute named by a model belongs to.

The rule, in this order: one of our own names (``AXIS_ATTRIBUTES``) keeps its axis; a name that says identifier words
(mpn, sku, part number, model number, …) is ``identifier``; a name whose words say what variants of one product differ
in (colour, size, capacity, pack, condition, …) is ``variant``; brand, line, model, type and every unknown name are
``core``, because an unknown difference speaks about which product it is.
"""

from __future__ import annotations

import re

from epm.rationale import AXIS_ATTRIBUTES, Axis

_OWN = {name: axis for axis, names in AXIS_ATTRIBUTES.items() for name in names}

_IDENTIFIER = re.compile(
    r"\b(mpn|sku|gtin|ean|upc|asin|isbn|barcode|(part|model|item|article|product|reference|serial|catalog(ue)?|manufacturer|stock|order)"
    r" ?(number|no|code|id)|identifier)s?\b"
)
_VARIANT = re.compile(
    r"\b(colou?r|size|dimensions?|length|width|height|diameter|weight|volume|capacity|storage|memory|ram|pack|packaging|package|quantity|"
    r"count|units?|pieces?|sheets?|bundle|included|accessor(y|ies)|condition|variant|region|language|year|finish|material|"
    r"pattern|style|flavou?r|scent|gender|dosage|strength)s?\b"
)


def axis_of(attribute: str) -> Axis:
    """The axis of an attribute name in any case; words may be joined by ``_`` or ``-``."""
    words = re.sub(r"[\W_]+", " ", attribute.casefold()).strip()
    if words in _OWN:
        return _OWN[words]
    if _IDENTIFIER.search(words):
        return Axis.IDENTIFIER
    return Axis.VARIANT if _VARIANT.search(words) else Axis.CORE
