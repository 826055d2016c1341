"""The nearest rows of both tables, gathered from blocks of a similarity matrix that is never held whole.

Memory is bounded by one block and ``top_k`` links for each row, whatever the sizes of the tables.
"""

from __future__ import annotations

import numpy as np

from epm.blocking.candidate import Links, Rows, Similarities, make_links, ranks

BLOCK_CELLS = 8_000_000
"""Cells of one block: about 100 MB while it is being worked on."""

_EMPTY_ROWS: Rows = np.zeros(0, dtype=np.int64)
_EMPTY_SIMILARITIES: Similarities = np.zeros(0, dtype=np.float32)


def block_rows(n_columns: int) -> int:
    """How many rows a block may have."""
    return max(1, BLOCK_CELLS // max(1, n_columns))


class NearestBothWays:
    """Takes blocks of left rows with their similarities to right rows; keeps the best of each row and of each column."""

    def __init__(self, n_right: int, top_k: int) -> None:
        self._top_k = top_k
        self._by_row: list[tuple[Rows, Rows, Similarities]] = []
        self._by_column = (_EMPTY_ROWS, _EMPTY_ROWS, _EMPTY_SIMILARITIES)
        self._floor: Similarities = np.zeros(n_right, dtype=np.float32)  # a column's k-th best so far
        self._pending: list[tuple[Rows, Rows, Similarities]] = []
        self._n_pending = 0

    def add(self, left: int, right: Rows, similarity: Similarities) -> None:
        """Take one left row: all right rows with a similarity, shape [found] each."""
        top, values = right, similarity
        if len(right) > self._top_k:
            best = np.argpartition(-similarity, self._top_k - 1)[: self._top_k]
            top, values = right[best], similarity[best]
        self._by_row.append((np.full(len(top), left, dtype=np.int64), top.astype(np.int64), values))
        is_better = similarity > self._floor[right]
        self._pending.append(
            (np.full(int(is_better.sum()), left, dtype=np.int64), right[is_better].astype(np.int64), similarity[is_better])
        )
        self._n_pending += len(self._pending[-1][0])
        if self._n_pending > BLOCK_CELLS // 4:
            self._settle()

    def links(self) -> Links:
        """Everything kept."""
        self._settle()
        left, right, similarity = _joined([*self._by_row, self._by_column])
        return make_links(left, right, similarity)

    def _settle(self) -> None:
        left, right, similarity = _joined([self._by_column, *self._pending])
        place = ranks(right, similarity, left)
        last = place == self._top_k
        self._floor[right[last]] = similarity[last]
        kept = place <= self._top_k
        self._by_column = (left[kept], right[kept], similarity[kept])
        self._pending, self._n_pending = [], 0


def _joined(parts: list[tuple[Rows, Rows, Similarities]]) -> tuple[Rows, Rows, Similarities]:
    left, right, similarity = zip(*parts, strict=True)
    return np.concatenate(left), np.concatenate(right), np.concatenate(similarity)
