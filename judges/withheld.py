"""What two listings still say without the texts that give orders or speak of a comparison.

A field with such a text goes whole. A title is cut before it; where nothing would be left, the words stay that the other
listing's title has as well, for an order stands in one title and the product in both.
"""

from __future__ import annotations

import re
from dataclasses import replace

from epm.listing import Listing
from epm.pair import Pair
from epm.prompts.comparison_talk import WINDOW_WORDS, has_telling_word, is_plain_talk, talk_in
from epm.prompts.orders import order_in

_WORD = re.compile(r"\S+")
_MIN_WORDS = 2


def suspicious_fields(listing: Listing) -> dict[str, str]:
    """The fields that give orders or speak of a comparison, by name, each with a line of what it says."""
    texts = listing.texts()
    orders = {name: line for name, text in texts.items() if (line := order_in([text, name])) is not None}
    return {**talk_in(texts), **orders}


def without_suspicious(pair: Pair) -> Pair:
    """The pair without its suspicious texts; the same pair where there are none."""
    left, right = _without(pair.left, pair.right), _without(pair.right, pair.left)
    return pair if left is pair.left and right is pair.right else replace(pair, left=left, right=right)


def _without(listing: Listing, other: Listing) -> Listing:
    found = suspicious_fields(listing)
    if not found:
        return listing
    kept = {name: text for name, text in listing.attributes.items() if f"attributes.{name}" not in found}
    title = _cut(listing.title, other.title) if "title" in found else listing.title

    def stays(name: str, text: str | None) -> str | None:
        return None if name in found else text

    return replace(
        listing, title=title, attributes=kept, brand=stays("brand", listing.brand), description=stays("description", listing.description),
        price=stays("price", listing.price), currency=stays("currency", listing.currency), gtin=stays("gtin", listing.gtin),
        mpn=stays("mpn", listing.mpn), category=stays("category", listing.category),
    )  # fmt: skip


def _cut(title: str, other: str) -> str:
    words = [found.group() for found in _WORD.finditer(title)]
    innocent, suspicious = 0, len(words)
    while suspicious - innocent > 1:  # more words are never less suspicious
        middle = (innocent + suspicious) // 2
        if _is_suspicious(" ".join(words[:middle])):
            suspicious = middle
        else:
            innocent = middle
    first = max(0, innocent - WINDOW_WORDS)
    end = next((place for place in range(first, innocent) if has_telling_word(words[place])), innocent)
    if not is_plain_talk(title):
        end = 0  # what is written in hiding has no word that tells where it begins
    if end >= _MIN_WORDS:
        return " ".join(words[:end])
    shared = set(other.casefold().split())
    return " ".join(word for word in words if word.casefold() in shared) or " ".join(words[:_MIN_WORDS])


def _is_suspicious(title: str) -> bool:
    return bool(talk_in({"title": title})) or order_in([title]) is not None
