"""Searching a store's knowledge index from outside a run: as the tools of research do, without making an index where none is."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from epm.errors import DataError
from epm.knowledge.catalogue import default_index, index_place
from epm.knowledge.embedder import AUTO, make_embedder
from epm.knowledge.filters import KINDS, checked_kind
from epm.knowledge.index import KnowledgeHit
from epm.knowledge.stored import DATABASE, index_paths


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of a query, nearest first; ``floor`` is the cosine that a hit must have."""

    index: str
    floor: float
    hits: tuple[KnowledgeHit, ...]


def search_index(folder: Path, query: str, *, kind: str | None, limit: int, now_s: float, embedder: str = AUTO) -> SearchResult:
    """The nearest ``limit`` living entries of a kind, or of each kind.

    Raises:
        DataError: the query is empty, the kind unknown, or there is no index of that embedder.
        ConfigError: the embedder is unknown or not installed.
    """
    if not query.strip():
        raise DataError(f"the query {query!r} says nothing; give words that name a product or a property")
    kinds = KINDS if kind is None else (checked_kind(kind),)
    place = index_place(folder, embedder)
    if not (place / DATABASE).is_file():
        others = ", ".join(repr(path.name) for path in index_paths([folder])) or "none"
        raise DataError(
            f"no knowledge index in {str(place)!r} (others there: {others}); make it with epm knowledge add, or name --embedder"
        )
    with closing(default_index(folder, embedder)) as index:
        hits = [hit for one in kinds for hit in index.query(query, kind=one, top_k=limit, now_s=now_s)]
        return SearchResult(index.name, make_embedder(embedder).floor, tuple(sorted(hits, key=lambda hit: (-hit.similarity, hit.entry.id))))
