"""Pairs that stand in a table more than once."""

from __future__ import annotations

import hashlib

from epm.files.rows import RowError
from epm.pair import Pair

_DIGEST_BYTES = 8
"""Of the content, for each pair that was seen: 64 bits keep the memory small, and a chance hit is out of reach."""


class Repeats:
    """Remembers the pairs that were seen, by id, with a digest of what they say."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, bytes]] = {}

    def is_new(self, pair: Pair, line: int) -> bool:
        """False for an exact repeat of an earlier row.

        Raises:
            RowError: an earlier row has the same id (or the same two listings without ids) and says something else.
        """
        content = f"{pair.left.content_sha()} {pair.right.content_sha()} {pair.gold_label}"
        digest = hashlib.sha256(content.encode()).digest()[:_DIGEST_BYTES]
        earlier_line, earlier = self._seen.setdefault(pair.id, (line, digest))
        if earlier_line == line:
            return True
        if earlier != digest:
            raise RowError(f"pair {pair.id!r} stands in line {earlier_line} with other content or another label; keep one of the two rows")
        return False
