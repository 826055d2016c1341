"""A mapping as commented TOML, to be edited by hand; reading the text gives the mapping back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map

from epm.files.rows import LISTING_FIELDS
from epm.tables.mapping import FileLayout, ListingColumns, ListingMapping, Mapping, PairColumns, SideMapping

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SETTINGS = {
    "delimited": ("encoding", "delimiter", "quote", "header_rows"),
    "xlsx": ("sheet", "header_rows"),
    "jsonl": (),
    "parquet": (),
}
_NOTES = {
    "encoding": "utf-8, cp1252, utf-16, cp949, …",
    "quote": 'what encloses cells that hold the delimiter; "" for none',
    "sheet": 'name of the sheet; "" for the first',
    "header_rows": "row of the column names, from 1; two rows such as [3, 4] are joined as “Left / Title”",
    "missing": "cells that mean “nothing here”",
}


def mapping_text(mapping: Mapping | ListingMapping, *, unmapped: Sequence[str] = (), open_labels: Map[str, int] | None = None) -> str:
    """The TOML text of a mapping.

    Args:
        mapping: what to write.
        unmapped: columns of the file that no field takes; they are listed as comments.
        open_labels: label words whose meaning is not known, with their count; listed as comments to be filled in.
    """
    return "\n".join(_lines(mapping, unmapped, open_labels or {})) + "\n"


def _lines(mapping: Mapping | ListingMapping, unmapped: Sequence[str], open_labels: Map[str, int]) -> Iterator[str]:
    out = "listings.jsonl" if mapping.kind == "listings" else "pairs.parquet"
    yield f"# How epm reads this table. Correct what was guessed wrong, then: epm data import FILE --map THIS_FILE -o {out}"
    yield '# On the left a field of epm, on the right the column as the file\'s header names it; "" means there is none.'
    yield f"version = {mapping.version}"
    yield f"kind = {_value(mapping.kind)}  # what a row holds: pairs (two listings, or their ids) or listings (one)"
    yield f"damaged_identifiers = {_value(mapping.damaged_identifiers)}  # codes such as 1.23E+12: stop at the cell, or drop the code and count it"
    yield from _layout("file", mapping.file)
    if isinstance(mapping, ListingMapping):
        yield from _columns("listing", mapping.listing)
    else:
        yield from _pair_lines(mapping, unmapped, open_labels)


def _pair_lines(mapping: Mapping, unmapped: Sequence[str], open_labels: Map[str, int]) -> Iterator[str]:
    yield ""
    yield "[pair]"
    yield from (f"{name} = {_value(getattr(mapping.pair, name))}" for name in PairColumns.model_fields)
    yield from (f"# not used: {_value(name)}" for name in unmapped)
    for name, side in (("left", mapping.left), ("right", mapping.right)):
        yield from _columns(name, side)
    yield ""
    yield "[labels]  # word in the label column = match, no_match or none (no label); upper and lower case are the same"
    yield from (f"{_key(word)} = {_value(label)}" for word, label in mapping.labels.items())
    yield from (f'# {_key(word)} = "none"  # {count} rows of the sample: say what this word means' for word, count in open_labels.items())


def _columns(name: str, section: ListingColumns) -> Iterator[str]:
    side = section if isinstance(section, SideMapping) else SideMapping()
    yield from ("", f"[{name}]")
    if side.table:
        yield f"table = {_value(side.table)}  # the listing table; its path counts from the folder of this file"
        yield f"key = {_value(side.key)}  # column of the pairs table that holds the id of the listing"
    yield f"decimal = {_value(section.decimal)}  # of these prices: . or , or mixed (each cell by itself)"
    if side.file is not None:
        yield from _layout(f"{name}.file", side.file)
    yield from ("", f"[{name}.columns]")
    yield from (f"{field} = {_value(section.columns.get(field, ''))}" for field in LISTING_FIELDS)
    yield from ("", f"[{name}.attributes]  # any name you like = column")
    yield from (f"{_key(attribute)} = {_value(column)}" for attribute, column in section.attributes.items())


def _layout(section: str, layout: FileLayout) -> Iterator[str]:
    yield from ("", f"[{section}]", f"format = {_value(layout.format)}")
    for name in (*_SETTINGS[layout.format], "missing"):
        note = f"  # {_NOTES[name]}" if name in _NOTES else ""
        yield f"{name} = {_value(getattr(layout, name))}{note}"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    # a JSON string is a TOML basic string but for DEL, which TOML wants escaped, and half surrogates, which no file holds
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
