"""Vectors find what shares no letters; chromadb agrees with exact search, keeps its vectors, and its recall is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epm.blocking import nearest
from epm.blocking.dense import DenseChannel
from epm.knowledge.embedder import HashEmbedder

from .conftest import MeaningEmbedder, table

LEFT = table("drill", "kettle", "lamp")
RIGHT = table("leuchte", "bohrer", "kocher", prefix="b")


def found(channel: DenseChannel, top_k: int) -> set[tuple[int, int]]:
    links = channel.nearest(top_k)
    return set(zip(links.left.tolist(), links.right.tolist(), strict=True))


def test_words_of_one_meaning_are_nearest(embedder: MeaningEmbedder) -> None:
    channel = DenseChannel(LEFT, RIGHT, embedder)
    assert found(channel, 1) == {(0, 1), (1, 2), (2, 0)}
    assert channel.index_recall() is None
    nearer_right, nearer_left = channel.n_nearer(np.array([0, 0]), np.array([1, 0]))
    assert (nearer_right[0], nearer_left[0]) == (0, 0)
    assert nearer_right[1] >= 1


def test_the_graph_on_disk_finds_what_exact_search_finds_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("chromadb")
    left = table(*(f"product {i} of line {i % 7}" for i in range(60)))
    right = table(*(f"line {i % 7} product {i}" for i in range(80)), prefix="b")
    exact = DenseChannel(left, right, HashEmbedder(64)).nearest(1)
    on_disk = DenseChannel(left, right, HashEmbedder(64), folder=tmp_path)
    graph = on_disk.nearest(5)
    best = [graph.similarity[graph.left == row].max() for row in range(60)]  # equal similarities may go to other rows
    assert best == pytest.approx([exact.similarity[exact.left == row].max() for row in range(60)], abs=1e-4)
    assert 0.95 <= (on_disk.index_recall() or 0.0) <= 1.0


def test_a_graph_that_loses_half_has_half_the_recall(embedder: MeaningEmbedder) -> None:
    channel = DenseChannel(LEFT, RIGHT, embedder)
    channel._top_k = 1
    channel._found = ((np.array([0, 1, 2]), np.array([1, 2, 1])), (np.array([0]), np.array([0])))
    assert channel.index_recall() == pytest.approx(2 / 3)


def test_stored_vectors_are_not_encoded_again_and_other_tables_do_not_mix(tmp_path: Path, embedder: MeaningEmbedder) -> None:
    pytest.importorskip("chromadb")
    first = found(DenseChannel(LEFT, RIGHT, embedder, folder=tmp_path), 1)
    n_encoded = embedder.n_encoded
    assert found(DenseChannel(LEFT, RIGHT, embedder, folder=tmp_path), 1) == first
    assert embedder.n_encoded == n_encoded
    assert found(DenseChannel(LEFT[:1], RIGHT, embedder, folder=tmp_path), 1) >= {(0, 1)}


def test_equal_offers_share_a_vector_and_are_all_found(tmp_path: Path, embedder: MeaningEmbedder) -> None:
    pytest.importorskip("chromadb")
    right = (*RIGHT, *table("bohrer", prefix="c"))
    assert {(0, 1), (0, 3)} <= found(DenseChannel(LEFT, right, embedder, folder=tmp_path), 2)


def test_how_many_are_nearer_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = table(*(f"drill lamp {i}" for i in range(9))), table(*(f"lamp {i} sofa" for i in range(7)), prefix="b")
    channel = DenseChannel(left, right, HashEmbedder(32))
    rows = np.arange(7)
    whole = channel.n_nearer(rows + 1, rows)
    monkeypatch.setattr(nearest, "BLOCK_CELLS", 15)  # two rows at a time, the last block smaller
    for whole_side, side in zip(whole, channel.n_nearer(rows + 1, rows), strict=True):
        assert side.tolist() == whole_side.tolist()
    cosines = HashEmbedder(32).encode([listing.title for listing in left]) @ HashEmbedder(32).encode([listing.title for listing in right]).T
    assert whole[0].tolist() == [int((cosines[i + 1] > cosines[i + 1, i] + 1e-4).sum()) for i in range(7)]
    assert whole[1].tolist() == [int((cosines[:, i] > cosines[i + 1, i] + 1e-4).sum()) for i in range(7)]
    assert [len(side) for side in channel.n_nearer(rows[:0], rows[:0])] == [0, 0]
