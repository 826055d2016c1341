"""The KnowledgeIndex seam: texts with provenance and expiry, found again by meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KnowledgeEntry:
    """One text with where it comes from.

    ``kind`` is ``listing`` (a catalogue rival), ``answer`` (a researched answer), or ``document``. ``entity`` and
    ``attribute`` key answers: an answer is reused only for the same entity and attribute. ``pair_ids`` names the pairs
    it was learned from, so that a pair never retrieves its own trace. Times are UTC epoch seconds.
    """

    id: str
    kind: str
    text: str
    provenance: str
    entity: str | None = None
    attribute: str | None = None
    pair_ids: tuple[str, ...] = ()
    created_at_s: float = 0.0
    expires_at_s: float | None = None
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True, slots=True)
class KnowledgeHit:
    """A found entry with its cosine similarity in [-1, 1]."""

    entry: KnowledgeEntry
    similarity: float


class KnowledgeIndex(Protocol):
    """Adds and finds entries. Adding an id again replaces it."""

    def add(self, entries: Sequence[KnowledgeEntry]) -> None:
        """Store the entries; an entry whose id is known replaces the old one."""
        ...

    def query(
        self, text: str, *, kind: str, top_k: int, now_s: float, exclude_pair_id: str | None = None,
        entity: str | None = None, attribute: str | None = None,
    ) -> list[KnowledgeHit]:  # fmt: skip
        """The nearest live entries of that kind, best first, never any learned from ``exclude_pair_id``."""
        ...

    def count(self) -> int:
        """How many entries are stored."""
        ...
