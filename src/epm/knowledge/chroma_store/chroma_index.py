"""The persistent index: chromadb, embedded in this process, over vectors that we encode ourselves.

One collection for each kind of entry, in cosine space. Up to ``exact_up_to`` entries are held in memory as well and
compared exactly: as fast at that size, and the same in every process, which the HNSW graph is not. Beyond, a query that
names entity or attribute reads the entries with that key; any other goes to the graph, with room for filtered entries.
Entries that another process adds are seen when the index is opened again.
The model of the vectors stands in each collection's metadata and is checked on opening, since chromadb would accept
another model of equal dimension. A guard stands where chromadb would put its own embedding function, which downloads a
model on its first call. Never expose this folder with chromadb's server: no released version is safe (GHSA-f4j7-r4q5-qw2c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from epm.knowledge.chroma_store.chroma_settings import own_settings  # first: chromadb reads the environment while it is imported

# isort: split
import chromadb
from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration
from chromadb.api.types import Where

from epm.errors import ArtifactError
from epm.knowledge.chroma_store.chroma_row import entry_of, to_metadata
from epm.knowledge.chroma_store.guard_embedding import GuardEmbeddingFunction
from epm.knowledge.chroma_store.soundness import index_errors, mark_sound, names_index, require_sound
from epm.knowledge.chroma_store.unused_memory import blank_unused
from epm.knowledge.embedder import RememberingEmbedder, Vectors
from epm.knowledge.entity import entity_key
from epm.knowledge.entity_filing import entity_keys, file_anew
from epm.knowledge.filters import KINDS, best_first, checked_kind, is_allowed, search_floor, unique_by_id
from epm.knowledge.in_use import Held
from epm.knowledge.index import KnowledgeEntry, KnowledgeHit
from epm.knowledge.memory import MemoryIndex

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

TEXT_RECIPE = "entry text v1"
_HNSW = CreateHNSWConfiguration(space="cosine", ef_construction=200, ef_search=200, max_neighbors=16)
EXACT_UP_TO = 20_000
_SPARE_HITS = 12
"""Hits fetched beyond ``top_k``: own listings, expired and excluded entries fall out afterwards."""


class ChromaIndex:
    """KnowledgeIndex on disk. Close it, or use it as a context manager."""

    def __init__(self, path: Path, embedder: RememberingEmbedder, *, exact_up_to: int = EXACT_UP_TO, floor: float | None = None) -> None:
        """Open or make the index in a folder. Nothing less similar than ``floor`` is a hit; the embedder's own if not given.

        Raises:
            ArtifactError: the folder cannot be used, is damaged or locked, or holds vectors of another model.
        """
        self._embedder, self.path = embedder, path
        self.name = f"chroma/{embedder.model_id}"
        self._exact_up_to = exact_up_to
        self._floor = embedder.floor if floor is None else floor
        self._exact: MemoryIndex | None = MemoryIndex(embedder, floor=self._floor)
        with index_errors(path):
            self._held = Held(path)
            path.mkdir(parents=True, exist_ok=True)
            require_sound(path)
            self._client = chromadb.PersistentClient(path=path, settings=own_settings())
            self._max_batch = self._client.get_max_batch_size()
            self._collections = {kind: self._open(kind, path) for kind in KINDS}
            self._load_exact()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @names_index
    def add(self, entries: Sequence[KnowledgeEntry]) -> None:
        """Store the entries; a known id is replaced. Texts that are stored already are not encoded again."""
        for kind in KINDS:
            kept = unique_by_id([entry for entry in entries if checked_kind(entry.kind) == kind])
            for start in range(0, len(kept), self._max_batch):
                batch = kept[start : start + self._max_batch]
                self._prepare(self._collections[kind], batch)
                self._collections[kind].upsert(
                    ids=[entry.id for entry in batch],
                    embeddings=self._embedder.encode([entry.text for entry in batch]),
                    documents=[entry.text for entry in batch],
                    metadatas=[to_metadata(entry) for entry in batch],
                )
                if self._exact is not None:
                    self._exact.add(batch)
        if self.count() > self._exact_up_to:
            self._exact = None

    @names_index
    def query(
        self, text: str, *, kind: str, top_k: int, now_s: float, exclude_pair_id: str | None = None,
        entity: str | None = None, attribute: str | None = None,
    ) -> list[KnowledgeHit]:  # fmt: skip
        """The nearest live entries of that kind, best first, never any learned from ``exclude_pair_id``."""
        collection = self._collections[checked_kind(kind)]
        if self._exact is not None:
            return self._exact.query(
                text, kind=kind, top_k=top_k, now_s=now_s, exclude_pair_id=exclude_pair_id, entity=entity, attribute=attribute
            )

        floor = search_floor(self._floor, entity, attribute)

        def allowed(hits: list[KnowledgeHit]) -> list[KnowledgeHit]:
            return [
                hit for hit in hits
                if hit.similarity >= floor and is_allowed(hit.entry, now_s=now_s, exclude_pair_id=exclude_pair_id, entity=entity, attribute=attribute)
            ]  # fmt: skip

        if entity is not None or attribute is not None:
            return best_first(allowed(self._scan(collection, text, _where(entity, attribute))), top_k)
        n_stored, n_wanted = collection.count(), top_k + _SPARE_HITS
        while True:
            nearest = self._nearest(collection, text, min(n_wanted, n_stored))
            found = allowed(nearest)
            if len(found) >= top_k or (nearest and nearest[-1].similarity < floor):
                return best_first(found, top_k)
            if n_wanted >= n_stored:
                # The graph can miss entries behind a crowd of equal vectors.
                return best_first(allowed(self._scan(collection, text, None)), top_k)
            n_wanted *= 4

    def count(self) -> int:
        """How many entries are stored."""
        return sum(collection.count() for collection in self._collections.values())

    def close(self) -> None:
        """Release the files; the index can be opened again."""
        cast("Client", self._client).close()  # the annotation names an interface without close
        blank_unused(self.path)
        mark_sound(self.path)
        self._held.close()

    def _open(self, kind: str, path: Path) -> Collection:
        expected = {"model_id": self._embedder.model_id, "dimension": self._embedder.dimension, "text_recipe": TEXT_RECIPE}
        collection = self._client.get_or_create_collection(
            f"epm-{kind}",
            configuration=CreateCollectionConfiguration(hnsw=_HNSW),
            metadata=expected,
            embedding_function=GuardEmbeddingFunction(),
        )
        stored = dict(collection.metadata or {})
        keys = stored.pop("entity_keys", None)
        if stored != expected:
            msg = (
                f"knowledge index {str(path)!r} holds vectors of {stored!r}, but this run encodes with {expected!r}; choose another folder"
            )
            raise ArtifactError(msg)
        if keys != entity_keys():
            file_anew(collection)
            collection.modify(metadata={**expected, "entity_keys": entity_keys()})
        return collection

    def _prepare(self, collection: Collection, entries: Sequence[KnowledgeEntry]) -> None:
        """Remember the vectors of stored texts, and drop entries that would keep a value which they no longer have."""
        stored = collection.get(ids=[entry.id for entry in entries], include=["documents", "embeddings", "metadatas"])
        vectors = np.asarray(stored["embeddings"], dtype=np.float32)
        self._embedder.remember(dict(zip(stored["documents"] or [], vectors, strict=True)))
        coming = {entry.id: to_metadata(entry) for entry in entries}
        known = zip(stored["ids"], stored["metadatas"] or [], strict=True)
        # upsert merges metadata: an end of life that is gone would stay
        outdated = [entry_id for entry_id, metadata in known if metadata.keys() - coming[entry_id].keys()]
        if outdated:
            collection.delete(ids=outdated)

    def _load_exact(self) -> None:
        """Fill the memory copy from disk; drop it where the index is too large for one."""
        if self._exact is None or self.count() > self._exact_up_to:
            self._exact = None
            return
        for collection in self._collections.values():
            stored = collection.get(include=["documents", "metadatas", "embeddings"])
            texts, vectors = stored["documents"] or [], np.asarray(stored["embeddings"], dtype=np.float32)
            self._embedder.remember(dict(zip(texts, vectors, strict=True)))
            rows = zip(stored["ids"], texts, stored["metadatas"] or [], strict=True)
            self._exact.add([entry_of(id_, text, metadata) for id_, text, metadata in rows])

    def _scan(self, collection: Collection, text: str, where: Where | None) -> list[KnowledgeHit]:
        stored = collection.get(where=where, include=["documents", "metadatas", "embeddings"])
        if not stored["ids"]:
            return []
        similarities = np.asarray(stored["embeddings"], dtype=np.float32) @ self._query_vector(text)
        return _hits(stored["ids"], stored["documents"], stored["metadatas"], [float(s) for s in similarities])

    def _nearest(self, collection: Collection, text: str, n_results: int) -> list[KnowledgeHit]:
        if n_results == 0:
            return []
        stored = collection.query(
            query_embeddings=[self._query_vector(text).tolist()], n_results=n_results, include=["documents", "metadatas", "distances"]
        )
        documents, metadatas, distances = stored["documents"] or [[]], stored["metadatas"] or [[]], stored["distances"] or [[]]
        return _hits(stored["ids"][0], documents[0], metadatas[0], [1.0 - float(distance) for distance in distances[0]])

    def _query_vector(self, text: str) -> Vectors:
        return cast(Vectors, self._embedder.encode([text])[0])


def _where(entity: str | None, attribute: str | None) -> Where:
    key = None if entity is None else entity_key(entity)
    named: list[Where] = [{name: value} for name, value in (("entity_key", key), ("attribute", attribute)) if value is not None]
    return named[0] if len(named) == 1 else {"$and": named}


def _hits(
    ids: Sequence[str], documents: Sequence[str] | None, metadatas: Sequence[Mapping[str, object]] | None, similarities: Sequence[float]
) -> list[KnowledgeHit]:
    rows = zip(ids, documents or [], metadatas or [], similarities, strict=True)
    return [KnowledgeHit(entry_of(id_, text, metadata), similarity) for id_, text, metadata, similarity in rows]


@contextmanager
def open_collections(path: Path, *, like: Sequence[Collection] | None = None) -> Iterator[list[Collection]]:
    """The collections of an index as they are, whatever its vectors' model; or new ones of the same kind as others.

    Raises:
        ArtifactError: the index is damaged or locked, or its disk is full.
    """
    require_sound(path)
    with index_errors(path), unchecked_collections(path, like=like) as collections:
        yield collections
    mark_sound(path)


@contextmanager
def unchecked_collections(path: Path, *, like: Sequence[Collection] | None = None) -> Iterator[list[Collection]]:
    """The same in chromadb's own words, and without looking first."""
    client = chromadb.PersistentClient(path=path, settings=own_settings())
    try:
        if like is None:
            names = sorted(collection.name for collection in client.list_collections())
            yield [client.get_collection(name, embedding_function=GuardEmbeddingFunction()) for name in names]
        else:
            yield [
                client.create_collection(
                    one.name, configuration=CreateCollectionConfiguration(hnsw=_HNSW), metadata=one.metadata,
                    embedding_function=GuardEmbeddingFunction(),
                )
                for one in like
            ]  # fmt: skip
    finally:
        cast("Client", client).close()
        if like is not None:
            blank_unused(path)
