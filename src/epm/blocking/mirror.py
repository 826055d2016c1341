"""The mirror: two tables are searched in one order whichever way they are given, so that exchanging them exchanges the answer.

Where scores tie at the cut, and where sums are rounded, the order decides. It follows from what the listings say, not
from their ids; only two tables that say the same, row by row, have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from epm.blocking.candidate import Candidate, Links, Rows, Similarities, make_links
from epm.blocking.channel import SimilarityChannel
from epm.listing import Listing
from epm.progress import ProgressSink, silent


def is_mirrored(left: Sequence[Listing], right: Sequence[Listing]) -> bool:
    """True when the tables are to be searched the other way round: the shorter first, else by the first rows that differ."""
    if len(left) != len(right):
        return len(left) > len(right)
    digests = ((mine.content_sha(), other.content_sha()) for mine, other in zip(left, right, strict=True))
    return next((mine > other for mine, other in digests if mine != other), False)


def mirrored_candidates(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates with their sides exchanged, in order of left row and rank."""
    swapped = (
        replace(found, left=found.right, right=found.left, left_rank=found.right_rank, right_rank=found.left_rank) for found in candidates
    )
    return tuple(sorted(swapped, key=lambda found: (found.left, found.left_rank)))


def mirrored_links(links: Links) -> Links:
    """The links with their sides exchanged."""
    return make_links(links.right, links.left, links.similarity)


class MirroredChannel:
    """SimilarityChannel that asks another one about exchanged tables."""

    def __init__(self, inner: SimilarityChannel) -> None:
        self._inner = inner
        self.name = inner.name

    def nearest(self, top_k: int, *, on_progress: ProgressSink = silent) -> Links:
        """The nearest rows of both tables."""
        return mirrored_links(self._inner.nearest(top_k, on_progress=on_progress))

    def similarity(self, left: Rows, right: Rows) -> Similarities:
        """The similarity in [0, 1] of each pair."""
        return self._inner.similarity(right, left)

    def n_nearer(self, left: Rows, right: Rows) -> tuple[Rows, Rows]:
        """How many rows of the other table are nearer than the pair's partner, seen from either side."""
        from_right, from_left = self._inner.n_nearer(right, left)
        return from_left, from_right
