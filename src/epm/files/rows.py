"""One row of a pair file, validated and turned into a Pair.

A row is nested (``left`` and ``right`` objects) or flat (``left_title``, ``right_attributes.colour``). A missing value is
an absent key, ``null`` or blank text. Numbers in text fields are kept as they were written; columns without a place in
Pair or Listing are collected in ``extras``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from epm.files.raw import IMPORT_REMEDY
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label, Relation

SIDES = ("left", "right")
ATTRIBUTE_PREFIX = "attributes."
LISTING_FIELDS = ("id", "title", "brand", "description", "price", "currency", "gtin", "mpn", "category", "cluster_id", "source")
PAIR_FIELDS = ("pair_id", "gold_label", "label", "relation", "factor", "split")
_LABELS = {
    "match": Label.MATCH, "1": Label.MATCH, "1.0": Label.MATCH, "true": Label.MATCH,
    "no_match": Label.NO_MATCH, "0": Label.NO_MATCH, "0.0": Label.NO_MATCH, "false": Label.NO_MATCH,
}  # fmt: skip


class WrittenNumber(float):
    """A JSON number with a fraction or exponent that remembers how it was written (``19.90``)."""

    text: str

    def __new__(cls, text: str) -> Self:
        """The number of that text."""
        number = super().__new__(cls, text)
        number.text = text
        return number


class RowError(ValueError):
    """What is wrong with one row, without its place."""


def _text(value: object) -> str | None:
    """Scalars as text, blank as ``None``; raises for anything else."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | dict | bytes):
        raise ValueError(f"must be text, got {_shown(value)}")  # noqa: TRY004 - pydantic collects ValueError only
    written = str(value)
    if any("\ud800" <= char <= "\udfff" for char in written) if not written.isascii() else False:
        raise ValueError(f"holds half a surrogate pair, which is no text: {_shown(value)}")
    return written if written.strip() else None


def _identifier(value: object) -> str | None:
    """Like :func:`_text`, but a column of whole numbers that was stored as floats loses its ``.0``."""
    if isinstance(value, float) and not isinstance(value, WrittenNumber) and value.is_integer():
        return str(int(value))
    return _text(value)


def label_of(value: object) -> Label | None:
    """The label of a cell, ``None`` if it is empty; raises ``ValueError`` naming the words that are allowed."""
    text = _text(value)
    if text is None:
        return None
    label = _LABELS.get(text.strip().casefold())
    if label is None:
        raise ValueError(f"{_shown(value)} is not allowed: use 0, 1, match, no_match, true, false or leave it empty")
    return label


def _relation(value: object) -> Relation | None:
    text = _text(value)
    if text is None:
        return None
    if text.strip() not in set(Relation):
        raise ValueError(f"{_shown(value)} is not allowed: use one of {', '.join(Relation)} or leave it empty")
    return Relation(text.strip())


def _attributes(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(item, tuple) and len(item) == 2 for item in value):  # noqa: PLR2004 - a Parquet map
        value = dict(value)
    if not isinstance(value, dict):
        raise ValueError(f"must be an object of named values, got {_shown(value)}")  # noqa: TRY004 - pydantic collects ValueError only
    texts = {_text(name): _attribute_text(name, item) for name, item in value.items()}
    if None in texts:
        raise ValueError("has a value without a name")
    return {name: text for name, text in texts.items() if name is not None and text is not None}


def _attribute_text(name: object, value: object) -> str | None:
    try:
        if isinstance(value, list):
            return _text(", ".join(text for item in value if (text := _text(item)) is not None))
        return _text(value)
    except ValueError as error:
        raise ValueError(f"{name!r} {error}") from error


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"  # noqa: PLR2004 - keeps the message on one line


Text = Annotated[str | None, BeforeValidator(_text)]
Identifier = Annotated[str | None, BeforeValidator(_identifier)]


class ListingRow(BaseModel):
    """One side of a row as it stands in a file."""

    model_config = ConfigDict(extra="allow")  # unknown columns are collected, see listing_of

    id: Identifier = None
    title: Text = None
    brand: Text = None
    description: Text = None
    price: Text = None
    currency: Text = None
    gtin: Identifier = None
    mpn: Identifier = None
    category: Text = None
    attributes: Annotated[dict[str, str], BeforeValidator(_attributes)] = Field(default_factory=dict)
    cluster_id: Identifier = None
    source: Text = None


class PairRow(BaseModel):
    """One row as it stands in a file."""

    model_config = ConfigDict(extra="allow")  # unknown columns are collected, see pair_of

    pair_id: Identifier = None
    left: ListingRow
    right: ListingRow
    gold_label: Annotated[Label | None, BeforeValidator(label_of)] = None
    label: Annotated[Label | None, BeforeValidator(label_of)] = None
    relation: Annotated[Relation | None, BeforeValidator(_relation)] = None
    factor: Annotated[int | None, Field(gt=1), BeforeValidator(_identifier)] = None
    split: Text = None


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """A Pair, whether its id was given, and the names of the columns that went to extras, as the file spells them."""

    pair: Pair
    has_own_id: bool
    extra_columns: tuple[str, ...]


def parse_row(values: Mapping[str, object]) -> ParsedRow:
    """The Pair of one row.

    Raises:
        RowError: a required value is missing or a value is not allowed; names the column.
    """
    is_flat = not any(side in values for side in SIDES)
    nested = nest(values) if is_flat else values
    missing = [side for side in SIDES if nested.get(side) is None]
    if missing:
        wanted = f"{missing[0]}_title" if is_flat else missing[0]
        raise RowError(f"has no column {wanted!r}; present: {', '.join(map(str, values)) or 'none'}; {IMPORT_REMEDY}")
    try:
        row = PairRow.model_validate(nested)
    except ValidationError as error:
        raise RowError(_reason(error, is_flat=is_flat)) from error
    return ParsedRow(_pair(row, is_flat=is_flat), row.pair_id is not None, tuple(_extra_columns(row, "_" if is_flat else ".")))


@dataclass(frozen=True, slots=True)
class ParsedListing:
    """A Listing, and whether its id was given; a missing one is made from what the listing says."""

    listing: Listing
    has_own_id: bool


def parse_listing(values: Mapping[str, object]) -> ParsedListing:
    """The Listing of one row of a table of listings: fields, nested ``attributes`` or flat ``attributes.colour``.

    Raises:
        RowError: the title is missing or a value is not allowed; names the column.
    """
    nested = {name: value for name, value in values.items() if not name.startswith(ATTRIBUTE_PREFIX)}
    attributes = {name.removeprefix(ATTRIBUTE_PREFIX): value for name, value in values.items() if name.startswith(ATTRIBUTE_PREFIX)}
    if attributes:
        nested["attributes"] = attributes
    try:
        row = ListingRow.model_validate(nested)
    except ValidationError as error:
        raise RowError(_reason(error, is_flat=False)) from error
    return ParsedListing(_listing(row, "title"), row.id is not None)


def nest(values: Mapping[str, object]) -> dict[str, object]:
    """The nested form of a flat row."""
    row: dict[str, object] = {}
    listings: dict[str, dict[str, object]] = {}
    attributes: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        side, _, field = name.partition("_")
        if side not in SIDES or not field:
            row[name] = value
        elif field.startswith(ATTRIBUTE_PREFIX):
            attributes.setdefault(side, {})[field.removeprefix(ATTRIBUTE_PREFIX)] = value
        else:
            listings.setdefault(side, {})[field] = value
    for side, named in attributes.items():
        listings.setdefault(side, {})["attributes"] = named
    return {**row, **listings}


def _pair(row: PairRow, *, is_flat: bool) -> Pair:
    if row.label is not None and row.gold_label is not None and row.label is not row.gold_label:
        raise RowError(f"has label {row.label.value!r} and gold_label {row.gold_label.value!r}: keep one of the two columns")
    left, right = (_listing(getattr(row, side), f"{side}{'_' if is_flat else '.'}title") for side in SIDES)
    return Pair(
        id=row.pair_id if row.pair_id is not None else Pair.hashed_id(left, right),
        left=left, right=right, gold_label=row.gold_label or row.label, relation=row.relation, factor=row.factor,
        split=row.split, extras=MappingProxyType(dict(row.model_extra or {})),
    )  # fmt: skip


def _listing(row: ListingRow, title_column: str) -> Listing:
    if row.title is None:
        raise RowError(f"column {title_column!r} is empty: every listing needs a title")
    fields = {name: getattr(row, name) for name in LISTING_FIELDS if name not in {"id", "title"}}
    listing = Listing(
        id=row.id or "", title=row.title, **fields,
        attributes=MappingProxyType(row.attributes), extras=MappingProxyType(dict(row.model_extra or {})),
    )  # fmt: skip
    return listing if row.id is not None else replace(listing, id=listing.content_sha()[:16])


def _extra_columns(row: PairRow, joint: str) -> Iterator[str]:
    yield from row.model_extra or {}
    for side in SIDES:
        yield from (f"{side}{joint}{name}" for name in getattr(row, side).model_extra or {})


def _reason(error: ValidationError, *, is_flat: bool) -> str:
    first = error.errors(include_url=False)[0]
    column = ("_" if is_flat else ".").join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    value = "" if first["type"] == "value_error" else f", got {_shown(first['input'])}"
    return f"column {column!r}: {message}{value}"
