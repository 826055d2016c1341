"""How rare words and character n-grams are in the listings a model was fitted on: numbers only, so that loading them runs no code.

Words are keyed as the evidence engine folds them. Character n-grams are hashed, so that the size does not grow with the data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from epm.evidence.engine import read_listing
from epm.listing import Listing
from epm.matchers.text_similarity import title_text

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer

N_BUCKETS = 1 << 17
"""Buckets of the hashed n-grams: a few thousand titles hold about as many different ones."""
_GRAM_CHARS = (3, 5)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WordStatistics:
    """Document counts over ``n_listings`` listings: ``word_counts`` by folded word, ``gram_counts`` of shape (N_BUCKETS,)."""

    n_listings: int
    word_counts: Mapping[str, int]
    gram_counts: npt.NDArray[np.int32] = field(repr=False)

    def rarity(self, word: str) -> float:
        """The inverse document frequency of a word: at least 1, highest for a word never seen."""
        return 1.0 + math.log((1 + self.n_listings) / (1 + self.word_counts.get(word, 0)))

    def gram_cosines(self, left: Sequence[Listing], right: Sequence[Listing]) -> FloatArray:
        """The TF-IDF cosine in [0, 1] of each two titles, shape (N,)."""
        if not left:
            return np.zeros(0)
        product = self._weighed(left).multiply(self._weighed(right)).sum(axis=1)
        return np.clip(np.asarray(product, dtype=np.float64).ravel(), 0.0, 1.0)

    def _weighed(self, listings: Sequence[Listing]) -> csr_matrix:
        from sklearn.preprocessing import normalize

        counts = _vectorizer().transform([title_text(listing) for listing in listings])
        counts.data = (1.0 + np.log(counts.data)) * self._gram_rarity[counts.indices]
        return normalize(counts)

    @cached_property
    def _gram_rarity(self) -> FloatArray:
        return 1.0 + np.log((1 + self.n_listings) / (1 + self.gram_counts.astype(np.float64)))


def count_words(listings: Iterable[Listing]) -> WordStatistics:
    """The statistics of listings; equal offers count once."""
    unique = list({listing.content_sha(): listing for listing in listings}.values())
    words: Counter[str] = Counter()
    for listing in unique:
        title = read_listing(listing).title
        words.update(set() if title is None else {word.key for word in title.words})
    grams = np.zeros(N_BUCKETS, dtype=np.int32)
    if unique:
        seen = _vectorizer().transform([title_text(listing) for listing in unique])
        grams += np.bincount(seen.indices, minlength=N_BUCKETS).astype(np.int32)
    return WordStatistics(len(unique), dict(words), grams)


def _vectorizer() -> HashingVectorizer:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(analyzer="char_wb", ngram_range=_GRAM_CHARS, n_features=N_BUCKETS, norm=None, alternate_sign=False)
