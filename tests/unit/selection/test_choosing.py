"""The lazy greedy choice is the plain one."""

from __future__ import annotations

import numpy as np

from epm.listing import Listing
from epm.pair import Pair
from epm.selection.choosing import NEAR_DUPLICATE, choose, pair_vectors


def plain(base: np.ndarray, vectors: np.ndarray, weight: float, n: int, before: list[int]) -> list[int]:
    """Every pair's score computed anew for every choice."""
    chosen, open_ones = list(before), [i for i in range(len(base)) if i not in before]
    while open_ones and len(chosen) - len(before) < n:
        nearest = {i: max([0.0, *(round(float(vectors[i] @ vectors[j]), 5) for j in chosen)]) for i in open_ones}
        open_ones = [i for i in open_ones if nearest[i] < NEAR_DUPLICATE]
        if open_ones:
            best = min(open_ones, key=lambda i: (-(base[i] + weight * (1 - nearest[i])), i))
            chosen.append(best)
            open_ones.remove(best)
    return chosen[len(before) :]


def test_it_chooses_what_computing_every_score_each_time_would_choose() -> None:
    for seed in range(25):
        rng = np.random.default_rng(seed)
        vectors = np.abs(rng.normal(size=(60, 4)) + 1).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        base, weight, before = rng.random(60).round(1), float(rng.random() * 2), [int(i) for i in rng.choice(60, 3, replace=False)]
        found = choose(base, vectors, weight=weight, n=20, before=before)
        assert [choice.place for choice in found.choices] == plain(base, vectors, weight, 20, before), seed


def test_without_vectors_the_best_are_taken_and_none_twice() -> None:
    found = choose(np.array([0.1, 0.9, 0.9, 0.5]), None, weight=0.0, n=2, before=[1])
    assert [choice.place for choice in found.choices] == [2, 3]


def test_a_pairs_vector_is_the_same_for_swapped_sides() -> None:
    pair = Pair("p", Listing("l", "Kolvra KX-120 kettle", brand="Kolvra"), Listing("r", "KX 130 toaster"))
    there, back = pair_vectors([pair, pair.swapped()])
    assert np.allclose(there, back)
    assert np.isclose(np.linalg.norm(there), 1.0)


def test_pairs_without_any_text_still_have_a_place() -> None:
    vectors = pair_vectors([Pair("p", Listing("l", ""), Listing("r", "")), Pair("q", Listing("l", "a b"), Listing("r", ""))])
    assert np.isfinite(vectors).all()
