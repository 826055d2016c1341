"""Taking entries out of the knowledge indexes on disk so that their text is in none of the files.

chromadb keeps deleted documents in its log and in free pages. So an index that loses entries is copied without them, vectors
included, and the copy takes its place.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from epm.errors import ConfigError
from epm.knowledge.index import KnowledgeEntry

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_FILE = "chroma.sqlite3"
_NEW, _OLD = ".new", ".old"
_AT_ONCE = 1_000


def entries_about(folders: Iterable[Path], listing_ids: set[str], pair_ids: set[str]) -> set[str]:
    """The ids of what is kept of listings: their own entries, and answers that were learned from the pairs or cite the entries."""

    def is_about(entry: KnowledgeEntry) -> bool:
        if entry.kind == "answer":
            return not pair_ids.isdisjoint(entry.pair_ids) or any(listing_id in entry.provenance for listing_id in listing_ids)
        return entry.id in listing_ids

    return _ids_where(folders, is_about)


def entries_before(folders: Iterable[Path], until_s: float) -> set[str]:
    """The ids of listings and answers that were stored before a time; the user's documents have no age."""
    return _ids_where(folders, lambda entry: entry.kind != "document" and entry.created_at_s < until_s)


def forget_entries(folders: Iterable[Path], ids: set[str]) -> int:
    """Take the entries out of every index under the folders, and say how many that were."""
    return sum(_forget(path, ids) for path in _indexes(folders)) if ids else 0


def _ids_where(folders: Iterable[Path], is_wanted: Callable[[KnowledgeEntry], bool]) -> set[str]:
    return {entry.id for path in _indexes(folders) for entry in _entries(path) if is_wanted(entry)}


def _indexes(folders: Iterable[Path]) -> list[Path]:
    """The index folders; a purge that was cut off is cleaned up first.

    Raises:
        ConfigError: there are some, but chromadb is not installed.
    """
    for folder in folders:
        for left in folder.glob(f"*{_OLD}"):
            place = left.with_suffix("")
            if place.exists():
                shutil.rmtree(left)
            else:
                left.rename(place)
    found = sorted(path.parent for folder in folders for path in folder.glob(f"*/{_FILE}") if path.parent.suffix != _NEW)
    if found and find_spec("chromadb") is None:
        raise ConfigError(f"the knowledge index {str(found[0])!r} needs chromadb to be read: pip install 'epm[rag]'")
    return found


def _entries(path: Path) -> Iterator[KnowledgeEntry]:
    from epm.knowledge.chroma import entry_of, open_collections

    with open_collections(path) as collections:
        for collection in collections:
            for block in _blocks(collection.get(include=[])["ids"]):
                stored = collection.get(ids=block, include=["documents", "metadatas"])
                rows = zip(stored["ids"], stored["documents"] or [], stored["metadatas"] or [], strict=True)
                yield from (entry_of(entry_id, text, metadata) for entry_id, text, metadata in rows)


def _forget(path: Path, ids: set[str]) -> int:
    from epm.knowledge.chroma import open_collections

    new, old = path.with_name(path.name + _NEW), path.with_name(path.name + _OLD)
    shutil.rmtree(new, ignore_errors=True)
    with open_collections(path) as collections:
        n_gone = sum(len(ids.intersection(collection.get(include=[])["ids"])) for collection in collections)
        if n_gone:
            with open_collections(new, like=collections) as copies:
                for collection, copy in zip(collections, copies, strict=True):
                    _copy(collection, copy, ids)
    if n_gone:
        path.rename(old)
        new.rename(path)
        shutil.rmtree(old)
    return n_gone


def _copy(collection: Collection, copy: Collection, left_out: set[str]) -> None:
    for block in _blocks([one for one in collection.get(include=[])["ids"] if one not in left_out]):
        stored = collection.get(ids=block, include=["documents", "metadatas", "embeddings"])
        copy.add(ids=stored["ids"], documents=stored["documents"], metadatas=stored["metadatas"], embeddings=stored["embeddings"])


def _blocks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
