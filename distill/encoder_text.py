"""``encoder-text v1``: what an encoder reads of a listing, in one line.

    title | brand: B | mpn: M | gtin: G | price: P CURRENCY | category: C | NAME: VALUE | description: D

A field that is missing says nothing, and a brand that the title names is not repeated. What decides most stands first, for a pair
that is too long for the network is cut at the end of its longer side. An id, ``cluster_id``, source, extras, label and split are no
part of it: they would give the answer away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from epm.listing import Listing

TEXT_FORMAT: Final = "encoder-text v1"
MAX_CHARS = 4000
"""Of one listing: more than the longest input of the usual encoders, 512 tokens, holds; a title of megabytes stays cheap."""


def encoder_text(listing: Listing) -> str:
    """The line of a listing, at most ``MAX_CHARS`` characters; runs of white space are one space."""
    title = listing.title[:MAX_CHARS]
    return " | ".join([_line(title), *(f"{name}: {_line(value)}" for name, value in _fields(listing, title))])[:MAX_CHARS]


def _fields(listing: Listing, title: str) -> Iterator[tuple[str, str]]:
    if listing.brand is not None and listing.brand.casefold() not in title.casefold():
        yield "brand", listing.brand
    price = None if listing.price is None else " ".join(filter(None, (listing.price, listing.currency)))
    named = (("mpn", listing.mpn), ("gtin", listing.gtin), ("price", price), ("category", listing.category))
    yield from ((name, value) for name, value in named if value is not None)
    yield from listing.attributes.items()
    if listing.description is not None:
        yield "description", listing.description


def _line(text: str) -> str:
    return " ".join(text[:MAX_CHARS].split())
