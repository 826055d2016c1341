"""Invented tables and an embedder whose vectors can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from epm.knowledge.embedder import Vectors
from epm.listing import Listing

MEANINGS = {"drill": 0, "bohrer": 0, "kettle": 1, "kocher": 1, "lamp": 2, "leuchte": 2}


class MeaningEmbedder:
    """One axis for each meaning, whatever the language of the word; counts the texts that it encodes."""

    model_id = "meanings v1"
    floor = -1.0
    dimension = 4  # the last axis is for every other word

    def __init__(self) -> None:
        self.n_encoded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.n_encoded += len(texts)
        vectors = np.full((len(texts), self.dimension), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, MEANINGS.get(word, self.dimension - 1)] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def table(*titles: str, prefix: str = "a") -> tuple[Listing, ...]:
    return tuple(Listing(f"{prefix}{i}", title) for i, title in enumerate(titles))


@pytest.fixture
def embedder() -> MeaningEmbedder:
    return MeaningEmbedder()
