"""What the knowledge indexes of a store hold, and ending the life of some of it.

An expired entry is never found again, but stays on disk, so that a citation of it can still be looked up; ``epm data purge``
takes text off the disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from epm.knowledge.filters import checked_kind, is_entity
from epm.knowledge.index import KnowledgeEntry
from epm.knowledge.stored import blocks, index_paths, stored_entries


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are meant: those that fit all that is given. ``provenance`` is a part of it, case apart."""

    ids: frozenset[str] = frozenset()
    kind: str | None = None
    entity: str | None = None
    attribute: str | None = None
    provenance: str | None = None
    older_than_s: float | None = None

    def takes(self, entry: KnowledgeEntry, now_s: float) -> bool:
        """True if the entry is meant."""
        return (
            (not self.ids or entry.id in self.ids)
            and self.kind in {None, entry.kind}
            and (self.entity is None or is_entity(entry.entity, self.entity))
            and (self.attribute is None or self.attribute.casefold() == (entry.attribute or ""))
            and (self.provenance is None or self.provenance.casefold() in entry.provenance.casefold())
            and (self.older_than_s is None or entry.created_at_s < now_s - self.older_than_s)
        )


def knowledge_folders(folder: Path) -> list[Path]:
    """A store's knowledge folder, and those in it for models that may see some fields only."""
    return [folder, *sorted(path for path in folder.glob("only *") if path.is_dir())]


def selected_entries(folders: Iterable[Path], selection: Selection, *, now_s: float) -> list[KnowledgeEntry]:
    """The meant entries of every index, each id once: by kind, the latest first.

    Raises:
        DataError: the selection names an unknown kind.
        ConfigError: there is an index, but chromadb is not installed.
    """
    if selection.kind is not None:
        checked_kind(selection.kind)
    found = {entry.id: entry for path in index_paths(folders) for entry in stored_entries(path) if selection.takes(entry, now_s)}
    return sorted(found.values(), key=lambda entry: (entry.kind, -entry.created_at_s, entry.id))


def is_expired(entry: KnowledgeEntry, now_s: float) -> bool:
    """True if no search finds the entry any more."""
    return entry.expires_at_s is not None and entry.expires_at_s <= now_s


def expire_entries(folders: Iterable[Path], ids: frozenset[str], *, now_s: float) -> None:
    """End the life of these entries in every index under the folders."""
    from epm.knowledge.chroma_store.chroma_index import open_collections

    for path in index_paths(folders):
        with open_collections(path) as collections:
            for collection in collections:
                stored = collection.get(include=[])["ids"]
                for block in blocks([one for one in stored if one in ids]):
                    collection.update(ids=block, metadatas=[{"expires_at_s": now_s} for _ in block])
