"""Blocks give the same neighbours as the whole matrix, for rows and for columns."""

from __future__ import annotations

import numpy as np
import pytest

from epm.blocking import nearest
from epm.blocking.candidate import Links, make_links, ranks
from epm.blocking.nearest import NearestBothWays


def both_ways(matrix: np.ndarray, top_k: int) -> Links:
    found = NearestBothWays(matrix.shape[1], top_k)
    for row, values in enumerate(matrix):
        columns = np.flatnonzero(values)
        found.add(row, columns, values[columns])
    return found.links()


def brute_force(matrix: np.ndarray, top_k: int) -> set[tuple[int, int]]:
    by_row = {(i, int(j)) for i, values in enumerate(matrix) for j in np.argsort(-values)[:top_k]}
    by_column = {(int(i), j) for j, values in enumerate(matrix.T) for i in np.argsort(-values)[:top_k]}
    return {(i, j) for i, j in by_row | by_column if matrix[i, j] > 0}


@pytest.mark.parametrize("cells", [8, 8_000_000])
def test_the_best_of_rows_and_columns_are_those_of_the_whole_matrix(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK_CELLS", cells)  # settles after every row or only at the end
    matrix = np.random.default_rng(3).random((40, 23), dtype=np.float32)
    matrix[matrix < 0.5] = 0
    links = both_ways(matrix, 3)
    pairs = list(zip(links.left.tolist(), links.right.tolist(), strict=True))
    assert set(pairs) == brute_force(matrix, 3)
    assert len(pairs) == len(set(pairs))
    assert links.similarity.tolist() == [matrix[pair] for pair in pairs]


def test_a_block_shrinks_as_the_other_table_grows() -> None:
    assert nearest.block_rows(100_000) * 100_000 <= nearest.BLOCK_CELLS
    assert nearest.block_rows(10**9) == 1


def test_links_are_unique_sorted_and_above_zero() -> None:
    links = make_links(np.array([1, 0, 1, 0]), np.array([2, 5, 2, 1]), np.array([0.5, 0.4, 0.5, 0.0], dtype=np.float32))
    assert (links.left.tolist(), links.right.tolist()) == ([0, 1], [5, 2])


def test_ranks_count_within_their_group_and_break_ties_by_the_other_row() -> None:
    assert ranks(np.array([7, 7, 3, 7]), np.array([0.1, 0.9, 0.5, 0.9]), np.array([0, 4, 0, 2])).tolist() == [3, 2, 1, 1]
