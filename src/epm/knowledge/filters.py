"""Which entries a query may return, and in which order: the same for every index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from epm.errors import DataError
from epm.knowledge.entity import entity_key
from epm.knowledge.index import KnowledgeEntry, KnowledgeHit

KINDS = ("listing", "answer", "document")


def is_allowed(entry: KnowledgeEntry, *, now_s: float, exclude_pair_id: str | None, entity: str | None, attribute: str | None) -> bool:
    """True for a live entry of that entity and attribute that was not learned from the excluded pair."""
    if entry.expires_at_s is not None and entry.expires_at_s <= now_s:
        return False
    if exclude_pair_id is not None and exclude_pair_id in entry.pair_ids:
        return False
    return (entity is None or is_entity(entry.entity, entity)) and (attribute is None or entry.attribute == attribute)


def is_entity(filed: str | None, asked: str) -> bool:
    """True if both names are of one product: those of older indexes are not keys yet."""
    return filed is not None and entity_key(filed) == entity_key(asked)


def search_floor(floor: float, entity: str | None, attribute: str | None) -> float:
    """The similarity that a hit must have: what is asked for by its key need not sound like the question (``black``)."""
    return floor if entity is None and attribute is None else -1.0


def best_first(hits: Iterable[KnowledgeHit], top_k: int) -> list[KnowledgeHit]:
    """The ``top_k`` nearest; equal similarities (to six decimals) go by id, so that the order of adding never matters."""
    return sorted(hits, key=lambda hit: (-round(hit.similarity, 6), hit.entry.id))[:top_k]


def checked_kind(kind: str) -> str:
    """The kind, if it is one.

    Raises:
        DataError: it is not.
    """
    if kind not in KINDS:
        msg = f"knowledge kind {kind!r} is unknown: use one of {list(KINDS)}"
        raise DataError(msg)
    return kind


def unique_by_id(entries: Sequence[KnowledgeEntry]) -> list[KnowledgeEntry]:
    """The entries with the last one kept of each id."""
    return list({entry.id: entry for entry in entries}.values())
