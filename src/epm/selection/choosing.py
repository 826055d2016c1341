"""The greedy choice: always the pair with the highest score next, where being unlike every chosen pair is a part of the score.

A pair's score can only fall as others are chosen. So a score computed earlier is an upper bound, and only pairs that come
to the top are computed anew; the choice is that of computing all of them each time.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epm.knowledge.catalogue import listing_text
from epm.knowledge.embedder import HashEmbedder
from epm.pair import Pair

NEAR_DUPLICATE = 0.95
"""The cosine from which two pairs are one question: the same titles, but for a word of a shop or a typing error."""
_DIMENSION = 256
_AT_ONCE = 20_000
Vectors = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen position, its score, and its distance in [0, 1] to the nearest pair chosen before it (1 for the first, ``None`` if not asked)."""

    place: int
    score: float
    diversity: float | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choices in order, and how many pairs were passed over as near-duplicates of chosen ones."""

    choices: tuple[Choice, ...]
    n_near_duplicates: int


def pair_vectors(pairs: Sequence[Pair]) -> Vectors:
    """Unit vectors of the pairs' titles by hashed character n-grams, shape (N, 256); the same for swapped sides."""
    embedder = HashEmbedder(_DIMENSION)
    vectors = np.zeros((len(pairs), _DIMENSION), dtype=np.float32)
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        left, right = (
            embedder.encode([listing_text(side) for side in sides]) for sides in ([p.left for p in part], [p.right for p in part])
        )
        vectors[start : start + len(part)] = left + right
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths == 0.0, 1.0, lengths)
    return vectors


def choose(base: FloatArray, vectors: Vectors | None, *, weight: float, n: int, before: Sequence[int] = ()) -> Chosen:
    """The ``n`` pairs with the highest ``base + weight * diversity``, fewer if all others are near-duplicates.

    Args:
        base: what else speaks for each pair, shape (N,).
        vectors: unit vectors, shape (N, D); ``None`` leaves diversity out, and near-duplicates in.
        weight: how much diversity counts; 0 still passes near-duplicates over.
        n: how many to choose.
        before: pairs that are chosen already, and count for diversity.
    """
    if vectors is None:
        left = np.setdiff1d(np.arange(len(base)), np.asarray(before, dtype=np.int64))
        best = left[np.argsort(-base[left], kind="stable")][:n]
        return Chosen(tuple(Choice(int(place), float(base[place]), None) for place in best), 0)
    return _Greedy(base, vectors, weight, before).run(n)


class _Greedy:
    def __init__(self, base: FloatArray, vectors: Vectors, weight: float, before: Sequence[int]) -> None:
        self._base, self._vectors, self._weight = base, vectors, weight
        self._chosen = np.empty_like(vectors)  # the vectors of chosen pairs, in order; pages that are never filled cost nothing
        self._n_chosen = len(before)
        self._chosen[: len(before)] = vectors[list(before)]
        self._nearest = np.zeros(len(base))
        self._n_seen = np.zeros(len(base), dtype=np.int64)  # how many of the chosen ones ``nearest`` knows
        taken = set(before)
        self._heap = [(-(float(value) + weight), place) for place, value in enumerate(base) if place not in taken]
        heapq.heapify(self._heap)

    def run(self, n: int) -> Chosen:
        choices: list[Choice] = []
        n_near = 0
        while self._heap and len(choices) < n:
            place = self._heap[0][1]
            if self._n_seen[place] == self._n_chosen:
                heapq.heappop(self._heap)
                choices.append(Choice(place, self._score(place), 1.0 - float(self._nearest[place])))
                self._chosen[self._n_chosen] = self._vectors[place]
                self._n_chosen += 1
                continue
            self._look(place)
            if self._nearest[place] >= NEAR_DUPLICATE:
                heapq.heappop(self._heap)
                n_near += 1
            else:
                heapq.heapreplace(self._heap, (-self._score(place), place))
        return Chosen(tuple(choices), n_near)

    def _score(self, place: int) -> float:
        return float(self._base[place]) + self._weight * (1.0 - float(self._nearest[place]))

    def _look(self, place: int) -> None:
        """Brings ``nearest`` of one pair up to date."""
        unseen = self._chosen[self._n_seen[place] : self._n_chosen]
        # rounded: the last digits of a product depend on how many rows are multiplied at once
        self._nearest[place] = max(self._nearest[place], round(float((unseen @ self._vectors[place]).max()), 5))
        self._n_seen[place] = self._n_chosen
