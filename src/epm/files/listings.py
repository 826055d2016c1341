"""Tables of listings written so that reading gives the same listings; one row a listing, as one side of a pair file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from epm.errors import DataError
from epm.files.rows import ATTRIBUTE_PREFIX, LISTING_FIELDS
from epm.files.table_file import write_rows
from epm.listing import Listing

_ENDINGS = (".jsonl", ".jsonl.gz", ".csv", ".parquet")


def write_listings(path: Path, listings: Iterable[Listing], columns: Sequence[str]) -> None:
    """Write listings as they come, in the format of the name; a table's ``columns`` must cover every listing.

    Raises:
        DataError: the name has another ending, or the place cannot be written; an error of ``listings`` leaves an older file untouched.
    """
    ending = next((ending for ending in _ENDINGS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise DataError(f"{str(path)!r} is no table of listings: its name must end in one of {', '.join(_ENDINGS)}")
    write_rows(path, ending, map(nested_listing if ending.startswith(".jsonl") else flat_listing, listings), columns)


def listing_columns(found: Iterable[str]) -> list[str]:
    """The columns of a table of listings: the known ones in their usual order, then the others by name; id and title always."""
    names = {"id", "title", *found}
    return [name for name in LISTING_FIELDS if name in names] + sorted(names.difference(LISTING_FIELDS))


def nested_listing(listing: Listing) -> dict[str, object]:
    """The listing as one JSON object."""
    attributes = {"attributes": dict(listing.attributes)} if listing.attributes else {}
    return {**listing.extras, **_fields(listing), **attributes}


def flat_listing(listing: Listing) -> dict[str, object]:
    """The listing as one row of a table, attributes as ``attributes.colour``."""
    attributes = {f"{ATTRIBUTE_PREFIX}{name}": value for name, value in listing.attributes.items()}
    return {**as_texts(listing.extras), **_fields(listing), **attributes}


def as_texts(extras: Mapping[str, object]) -> dict[str, object]:
    """Extras as cells of a table: what is no text becomes JSON text."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        for name, value in extras.items()
        if value is not None
    }


def _fields(listing: Listing) -> dict[str, object]:
    return {name: value for name in LISTING_FIELDS if (value := getattr(listing, name)) is not None}
