"""The knowledge indexes on disk under a folder, and their entries, whatever model their vectors are of."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from epm.errors import ConfigError
from epm.knowledge.index import KnowledgeEntry

DATABASE = "chroma.sqlite3"
NEW, OLD = ".new", ".old"
"""Endings of an index that is being written anew, and of the one that it takes the place of."""
_AT_ONCE = 1_000


def index_paths(folders: Iterable[Path]) -> list[Path]:
    """The index folders; a purge that was cut off is cleaned up first.

    Raises:
        ConfigError: there are some, but chromadb is not installed.
    """
    for folder in folders:
        for left in folder.glob(f"*{OLD}"):
            place = left.with_suffix("")
            if place.exists():
                shutil.rmtree(left)
            else:
                left.rename(place)
    found = sorted(path.parent for folder in folders for path in folder.glob(f"*/{DATABASE}") if path.parent.suffix != NEW)
    if found and find_spec("chromadb") is None:
        raise ConfigError(f"the knowledge index {str(found[0])!r} needs chromadb to be read: pip install 'epm[rag]'")
    return found


def stored_entries(path: Path) -> Iterator[KnowledgeEntry]:
    """Every entry of the index in a folder, one kind after the other."""
    from epm.knowledge.chroma_store.chroma_index import open_collections
    from epm.knowledge.chroma_store.chroma_row import entry_of

    with open_collections(path) as collections:
        for collection in collections:
            for block in blocks(collection.get(include=[])["ids"]):
                stored = collection.get(ids=block, include=["documents", "metadatas"])
                rows = zip(stored["ids"], stored["documents"] or [], stored["metadatas"] or [], strict=True)
                yield from (entry_of(entry_id, text, metadata) for entry_id, text, metadata in rows)


def blocks(ids: list[str]) -> Iterator[list[str]]:
    """The ids in parts that chromadb takes at once."""
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
