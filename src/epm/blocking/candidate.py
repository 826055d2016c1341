"""A candidate pair, and links: many pairs of row numbers with what one channel says about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Similarities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair to be compared. ``left`` and ``right`` are row numbers of the two tables; a higher ``score`` is a better candidate.

    ``left_rank`` counts from 1 among the candidates of the left listing, ``right_rank`` among those of the right one.
    ``channels`` names every channel that found the pair by itself.
    """

    left: int
    right: int
    score: float
    left_rank: int
    right_rank: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of rows, each at most once, shape [links] each; ``similarity`` is above 0."""

    left: Rows
    right: Rows
    similarity: Similarities

    def __len__(self) -> int:
        return len(self.left)

    def keys(self, n_right: int) -> Rows:
        """One whole number for each pair: ``left * n_right + right``."""
        return self.left * n_right + self.right


def make_links(left: Rows, right: Rows, similarity: Similarities) -> Links:
    """The links in order of left, then right, each pair once, without those of similarity 0 or less."""
    order = np.lexsort((right, left))
    left, right, similarity = left[order], right[order], similarity[order]
    is_first = np.ones(len(left), dtype=bool)
    is_first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    kept = is_first & (similarity > 0)
    return Links(left[kept], right[kept], similarity[kept])


def ranks(group: Rows, score: NDArray[np.floating], tie: Rows) -> Rows:
    """The place of each element within its group, from 1, best score first; equal scores go by ``tie``."""
    order = np.lexsort((tie, -score, group))
    sorted_groups = group[order]
    found = np.empty(len(group), dtype=np.int64)
    found[order] = np.arange(len(group)) - np.searchsorted(sorted_groups, sorted_groups, side="left") + 1
    return found
