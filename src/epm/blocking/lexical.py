"""The ``characters`` channel: TF-IDF of character 3- to 5-grams and of whole words in the titles, exact and in blocks.

Sellers disagree about punctuation and spaces before they disagree about anything else. So the n-grams are those of words
without punctuation (``KX-120`` and ``KX120`` are one), and the words are taken as written, in pieces, and joined with
their neighbour (``KX 120``). The similarity is the mean of the two cosines, as one product of sparse matrices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from epm.blocking.candidate import Links, Rows, Similarities
from epm.blocking.channel import ChannelName
from epm.blocking.nearest import NearestBothWays, block_rows
from epm.evidence.normalise import fold
from epm.knowledge.catalogue import listing_text
from epm.listing import Listing
from epm.progress import ProgressEvent, ProgressSink, silent

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_PIECE = re.compile(r"[^\W_]+")
_GRAM_CHARS = (3, 5)
_PAIRS_AT_ONCE = 50_000


def plain_words(text: str) -> str:
    """The words of a folded text with nothing but letters and digits in them, separated by single spaces."""
    squeezed = ("".join(char for char in word if char.isalnum()) for word in text.split())
    return " ".join(word for word in squeezed if word)


def word_keys(text: str) -> list[str]:
    """The distinct words of a folded text: without punctuation, in pieces, and each piece joined with the next."""
    pieces = _PIECE.findall(text)
    return sorted({*plain_words(text).split(), *pieces, *(a + b for a, b in pairwise(pieces))})


class CharacterChannel:
    """SimilarityChannel over sparse vectors of titles (after the brand where the title does not name it)."""

    name: ChannelName = "characters"

    def __init__(self, left: Sequence[Listing], right: Sequence[Listing]) -> None:
        texts = [fold("", listing_text(listing)).text for listing in (*left, *right)]
        self._left, self._right = _shared_columns(_vectors(texts), len(left))
        self._right_by_term = self._right.T.tocsr()

    def nearest(self, top_k: int, *, on_progress: ProgressSink = silent) -> Links:
        """The nearest rows of both tables."""
        found = NearestBothWays(self._right.shape[0], top_k)
        step = block_rows(self._right.shape[0])
        for start in range(0, self._left.shape[0], step):
            block = self._left[start : start + step] @ self._right_by_term
            for row in range(block.shape[0]):
                cells = slice(block.indptr[row], block.indptr[row + 1])
                found.add(start + row, block.indices[cells], block.data[cells])
            on_progress(ProgressEvent(self.name, self._left.shape[0], start + block.shape[0]))
        return found.links()

    def similarity(self, left: Rows, right: Rows) -> Similarities:
        """The mean of the two cosines of each pair."""
        values = [np.zeros(0, dtype=np.float32)]
        for start in range(0, len(left), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            values.append(self._left[left[part]].multiply(self._right[right[part]]).sum(axis=1))
        found: Similarities = np.clip(np.concatenate(values), 0.0, 1.0, dtype=np.float32)
        return found

    def n_nearer(self, left: Rows, right: Rows) -> tuple[Rows, Rows]:
        """How many rows of the other table are nearer than the pair's partner, seen from either side."""
        own = self.similarity(left, right)
        return _n_above(self._left[left], self._right, own), _n_above(self._right[right], self._left, own)


def _n_above(rows: csr_array, others: csr_array, own: Similarities) -> Rows:
    """How many of ``others`` are nearer to each row than ``own`` says; a rounding error is no difference."""
    counts = []
    step, by_term = block_rows(others.shape[0]), others.T.tocsr()
    for start in range(0, rows.shape[0], step):
        block = rows[start : start + step] @ by_term
        limits = np.repeat(own[start : start + step] + np.float32(1e-6), np.diff(block.indptr))
        owners = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        counts.append(np.bincount(owners[block.data > limits], minlength=block.shape[0]))
    return np.concatenate([np.zeros(0, dtype=np.int64), *counts])


def _vectors(texts: Sequence[str]) -> csr_array:
    """One row for each text: two unit vectors side by side, scaled so that a product of rows is the mean cosine."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    views = (
        TfidfVectorizer(analyzer="char_wb", preprocessor=plain_words, ngram_range=_GRAM_CHARS, sublinear_tf=True, dtype=np.float32),
        TfidfVectorizer(analyzer=word_keys, dtype=np.float32),
    )
    if not any(plain_words(text) for text in texts):  # scikit-learn refuses an empty vocabulary
        return sparse.csr_array((len(texts), 1), dtype=np.float32)
    stacked = sparse.hstack([view.fit_transform(texts) for view in views], format="csr", dtype=np.float32)
    return sparse.csr_array(stacked * np.float32(0.5**0.5))


def _shared_columns(vectors: csr_array, n_left: int) -> tuple[csr_array, csr_array]:
    """The rows of either table without the terms that only one table has: they link nothing, and are most of the memory."""
    left, right = vectors[:n_left], vectors[n_left:]
    n_terms = vectors.shape[1]
    is_shared = (np.bincount(left.indices, minlength=n_terms) > 0) & (np.bincount(right.indices, minlength=n_terms) > 0)
    columns = np.flatnonzero(is_shared)
    return left[:, columns], right[:, columns]
