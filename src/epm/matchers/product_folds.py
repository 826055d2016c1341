"""Folds cut on products: no product stands both in the pairs a model is fitted on and in those it is tried on.

Products that a labelled match joins are one product. A pair of products in folds i and j is tried by a model fitted
on the pairs that touch neither i nor j, so every pair is tried, though pair graphs are often one single component.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from epm.listing import Listing
from epm.pair import Pair
from epm.product_groups import ProductGroups
from epm.relation import Label


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The places of the pairs to fit on and of those to try; they share no product."""

    fitted: npt.NDArray[np.intp]
    tried: npt.NDArray[np.intp]


def product_trials(pairs: Sequence[Pair], *, n_folds: int, seed: int = 0) -> Iterator[Trial]:
    """Every pair is tried exactly once; trials with nothing to try are left out."""
    folds = _folds(pairs, n_folds, seed)
    left, right = (np.array([folds[key] for key in keys], dtype=np.intp) for keys in zip(*map(_keys, pairs), strict=True))
    for i, j in combinations_with_replacement(range(n_folds), 2):
        tried = np.flatnonzero((np.minimum(left, right) == i) & (np.maximum(left, right) == j))
        fitted = np.flatnonzero(~np.isin(left, (i, j)) & ~np.isin(right, (i, j)))
        if tried.size:
            yield Trial(fitted, tried)


def _keys(pair: Pair) -> tuple[str, str]:
    return _key(pair.left), _key(pair.right)


def _key(listing: Listing) -> str:
    return f"cluster {listing.source} {listing.cluster_id}" if listing.cluster_id is not None else f"listing {listing.content_sha()}"


def _folds(pairs: Sequence[Pair], n_folds: int, seed: int) -> dict[str, int]:
    groups = ProductGroups[str]()
    for pair in pairs:
        first, second = map(groups.root, _keys(pair))
        if pair.gold_label is Label.MATCH:
            groups.join(first, second)
    roots = sorted({groups.root(key) for key in groups})
    random.Random(seed).shuffle(roots)
    fold_of = {key: place % n_folds for place, key in enumerate(roots)}
    return {key: fold_of[groups.root(key)] for key in groups}
