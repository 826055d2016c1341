"""The exact index in memory: every vector is compared. The reference for other indexes; lost when the process ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from epm.knowledge.embedder import Embedder, Vectors
from epm.knowledge.entity import entity_key
from epm.knowledge.filters import KINDS, best_first, checked_kind, is_allowed, search_floor, unique_by_id
from epm.knowledge.index import KnowledgeEntry, KnowledgeHit

_TIE = 1e-6


def _entity(named: str | None) -> str | None:
    return None if named is None else entity_key(named)


class _Shelf:
    """All entries of one kind; row ``i`` of ``vectors`` belongs to entry ``i``. Room doubles when it is full."""

    def __init__(self, dimension: int) -> None:
        self.entries: list[KnowledgeEntry] = []
        self._row_by_id: dict[str, int] = {}
        self._rows_by_key: defaultdict[tuple[str | None, str | None], set[int]] = defaultdict(set)
        self._vectors: Vectors = np.zeros((16, dimension), dtype=np.float32)

    @property
    def vectors(self) -> Vectors:
        return self._vectors[: len(self.entries)]

    def put(self, entry: KnowledgeEntry, vector: Vectors) -> None:
        row = self._row_by_id.get(entry.id)
        if row is None:
            row = len(self.entries)
            self.entries.append(entry)
            self._row_by_id[entry.id] = row
            if row == len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        else:
            old = self.entries[row]
            self._rows_by_key[_entity(old.entity), old.attribute].discard(row)
            self.entries[row] = entry
        self._rows_by_key[_entity(entry.entity), entry.attribute].add(row)
        self._vectors[row] = vector

    def rows(self, entity: str | None, attribute: str | None) -> list[int] | None:
        """The rows of that entity and attribute; ``None`` when the query names neither."""
        if entity is None and attribute is None:
            return None
        entity = _entity(entity)
        keys = (
            [k for k in self._rows_by_key if entity in {None, k[0]} and attribute in {None, k[1]}]
            if None in {entity, attribute}
            else [(entity, attribute)]
        )
        return sorted(row for key in keys for row in self._rows_by_key.get(key, ()))


class MemoryIndex:
    """KnowledgeIndex over exact cosine search."""

    def __init__(self, embedder: Embedder, *, floor: float | None = None) -> None:
        self._embedder = embedder
        self._floor = embedder.floor if floor is None else floor
        self._shelves = {kind: _Shelf(embedder.dimension) for kind in KINDS}
        self.name = f"memory/{embedder.model_id}"

    def add(self, entries: Sequence[KnowledgeEntry]) -> None:
        """Store the entries, encoding their texts in one batch; a known id is replaced."""
        kept = unique_by_id(entries)
        shelves = [self._shelves[checked_kind(entry.kind)] for entry in kept]
        for shelf, entry, vector in zip(shelves, kept, self._embedder.encode([entry.text for entry in kept]), strict=True):
            shelf.put(entry, vector)

    def query(
        self, text: str, *, kind: str, top_k: int, now_s: float, exclude_pair_id: str | None = None,
        entity: str | None = None, attribute: str | None = None,
    ) -> list[KnowledgeHit]:  # fmt: skip
        """The nearest live entries of that kind, best first, never any learned from ``exclude_pair_id``."""
        shelf = self._shelves[checked_kind(kind)]
        rows = shelf.rows(entity, attribute)
        if not shelf.entries or rows == []:
            return []
        vectors = shelf.vectors if rows is None else shelf.vectors[rows]
        similarities = vectors @ self._embedder.encode([text])[0]
        floor = search_floor(self._floor, entity, attribute)
        found: list[KnowledgeHit] = []
        for position in np.argsort(-similarities, kind="stable"):
            similarity = float(similarities[position])
            is_full = len(found) >= top_k and similarity < found[top_k - 1].similarity - _TIE
            if is_full or similarity < floor:
                break
            entry = shelf.entries[int(position) if rows is None else rows[int(position)]]
            if is_allowed(entry, now_s=now_s, exclude_pair_id=exclude_pair_id, entity=entity, attribute=attribute):
                found.append(KnowledgeHit(entry, similarity))
        return best_first(found, top_k)

    def count(self) -> int:
        """How many entries are stored."""
        return sum(len(shelf.entries) for shelf in self._shelves.values())

    def entries(self, kind: str) -> Iterator[KnowledgeEntry]:
        """Every stored entry of that kind, in the order of adding."""
        yield from self._shelves[checked_kind(kind)].entries

    def close(self) -> None:
        """Nothing to release."""
