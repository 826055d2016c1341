"""Fusion: what the channels found, ranked together and cut to a budget over all listings at once.

A fixed number of candidates for each listing wastes most of them: where one candidate is clearly nearest, the others are
not needed. So a similarity counts relative to the best that either listing has: ``s / sqrt(best_left * best_right)``,
1 for two listings that are each other's nearest. Similarity channels are averaged, a shared identifier is added on top,
and the best pairs of the whole table are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from epm.blocking.candidate import Candidate, Links, Rows, Similarities, ranks
from epm.blocking.channel import ChannelName, SimilarityChannel


def relative_similarity(links: Links, similarity: Similarities, left: Rows, right: Rows) -> NDArray[np.float64]:
    """Each pair's similarity over the geometric mean of the best links of its two rows, in [0, 1]; 0 without links."""
    n_rows = [int(max(side.max(initial=-1), own.max(initial=-1))) + 1 for side, own in ((links.left, left), (links.right, right))]
    best_left, best_right = np.zeros(n_rows[0]), np.zeros(n_rows[1])
    np.maximum.at(best_left, links.left, links.similarity)
    np.maximum.at(best_right, links.right, links.similarity)
    scale = np.sqrt(best_left[left] * best_right[right])
    return np.divide(similarity, scale, out=np.zeros(len(left)), where=scale > 0).clip(0.0, 1.0)


def fuse(
    found: Sequence[tuple[SimilarityChannel, Links]], identifiers: Links | None, *, n_right: int, n_kept: int
) -> list[Candidate]:  # fmt: skip
    """The ``n_kept`` best pairs that any channel found, in order of left row and rank."""
    by_name: dict[ChannelName, Rows] = {channel.name: links.keys(n_right) for channel, links in found}
    if identifiers is not None:
        by_name["identifiers"] = identifiers.keys(n_right)
    keys = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *by_name.values()]))
    left, right = keys // max(1, n_right), keys % max(1, n_right)
    score = np.zeros(len(keys))
    for channel, links in found:
        score += relative_similarity(links, channel.similarity(left, right), left, right) / len(found)
    if identifiers is not None:
        score[np.searchsorted(keys, by_name["identifiers"])] += identifiers.similarity
    kept = np.sort(np.lexsort((right, left, -score))[:n_kept])
    return _candidates(left[kept], right[kept], score[kept], {name: np.isin(keys[kept], own) for name, own in by_name.items()})


def _candidates(left: Rows, right: Rows, score: NDArray[np.float64], has: dict[ChannelName, NDArray[np.bool_]]) -> list[Candidate]:
    left_rank, right_rank = ranks(left, score, right), ranks(right, score, left)
    return [
        Candidate(
            int(left[i]), int(right[i]), float(score[i]), int(left_rank[i]), int(right_rank[i]),
            tuple(sorted(name for name, own in has.items() if own[i])),
        )
        for i in np.lexsort((left_rank, left))
    ]  # fmt: skip
