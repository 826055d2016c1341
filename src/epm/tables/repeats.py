"""Pairs and listings that stand in a table more than once."""

from __future__ import annotations

import hashlib
import json

from epm.files.rows import ParsedListing, RowError
from epm.pair import Pair

_DIGEST_BYTES = 8
"""Of the content, for each pair or listing that was seen: 64 bits keep the memory small, and a chance hit is out of reach."""


class _Seen:
    """The line and a digest of the content of each id."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[int, bytes]] = {}

    def earlier(self, key: str, line: int, content: str) -> tuple[int, bool] | None:
        """The first line with that id, and whether it says the same; ``None`` if this line is the first."""
        digest = hashlib.sha256(content.encode()).digest()[:_DIGEST_BYTES]
        first_line, first = self._first.setdefault(key, (line, digest))
        return None if first_line == line else (first_line, first == digest)


class Repeats:
    """Remembers the pairs that were seen, by id, with a digest of what they say."""

    def __init__(self) -> None:
        self._seen = _Seen()

    def is_new(self, pair: Pair, line: int) -> bool:
        """False for an exact repeat of an earlier row.

        Raises:
            RowError: an earlier row has the same id (or the same two listings without ids) and says something else.
        """
        earlier = self._seen.earlier(pair.id, line, f"{pair.left.content_sha()} {pair.right.content_sha()} {pair.gold_label}")
        if earlier is not None and not earlier[1]:
            raise RowError(f"pair {pair.id!r} stands in line {earlier[0]} with other content or another label; keep one of the two rows")
        return earlier is None


class ListingRepeats:
    """Remembers the listings that were seen, by given or made id, with a digest of what they say."""

    def __init__(self) -> None:
        self._seen = _Seen()

    def is_new(self, parsed: ParsedListing, line: int) -> bool:
        """False for an exact repeat of an earlier row.

        Raises:
            RowError: an earlier row has the same id and says something else, of its seller or its product cluster too.
        """
        listing = parsed.listing
        earlier = self._seen.earlier(listing.id, line, json.dumps([listing.content_sha(), listing.cluster_id, listing.source]))
        if earlier is None or earlier[1]:
            return earlier is None
        if parsed.has_own_id:
            raise RowError(
                f"id {listing.id!r} stands in line {earlier[0]} with other content; ids must be unique: change one of them or remove a row"
            )
        raise RowError(f"says what line {earlier[0]} says, has no id either, and differs in source or cluster_id; give both rows an id")
