"""Taking entries out of the knowledge indexes on disk so that their text is in none of the files.

chromadb keeps deleted documents in its log and in free pages. So an index that loses entries is copied without them, vectors
included, and the copy takes its place once it is written anew.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from epm.knowledge.chroma_store.soundness import mark_sound
from epm.knowledge.in_use import alone
from epm.knowledge.index import KnowledgeEntry
from epm.knowledge.stored import DATABASE, NEW, OLD, blocks, index_paths, stored_entries

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection


def entries_about(folders: Iterable[Path], listing_ids: set[str], pair_ids: set[str]) -> set[str]:
    """The ids of what is kept of listings: their own entries, and answers that were learned from the pairs or cite the entries."""

    def is_about(entry: KnowledgeEntry) -> bool:
        if entry.kind == "listing":
            return entry.id in listing_ids
        return not pair_ids.isdisjoint(entry.pair_ids) or any(listing_id in entry.provenance for listing_id in listing_ids)

    return _ids_where(folders, is_about)


def entries_before(folders: Iterable[Path], until_s: float) -> set[str]:
    """The ids of listings, answers and web pages that were stored before a time; the user's documents have no age."""
    return _ids_where(folders, lambda entry: (entry.kind != "document" or bool(entry.pair_ids)) and entry.created_at_s < until_s)


def forget_entries(folders: Iterable[Path], ids: set[str]) -> int:
    """Take the entries out of every index under the folders, and say how many that were.

    Raises:
        ConfigError: an index that holds some is at work in another command.
    """
    return sum(_forget(path, ids) for path in index_paths(folders)) if ids else 0


def _ids_where(folders: Iterable[Path], is_wanted: Callable[[KnowledgeEntry], bool]) -> set[str]:
    return {entry.id for path in index_paths(folders) for entry in stored_entries(path) if is_wanted(entry)}


def _forget(path: Path, ids: set[str]) -> int:
    from epm.knowledge.chroma_store.chroma_index import open_collections

    new, old = path.with_name(path.name + NEW), path.with_name(path.name + OLD)
    with alone(path):
        shutil.rmtree(new, ignore_errors=True)
        with open_collections(path) as collections:
            n_gone = sum(len(ids.intersection(collection.get(include=[])["ids"])) for collection in collections)
            if n_gone:
                with open_collections(new, like=collections) as copies:
                    for collection, copy in zip(collections, copies, strict=True):
                        _copy(collection, copy, ids)
        if n_gone:
            _rewrite(new / DATABASE)
            mark_sound(new)
            path.rename(old)
            new.rename(path)
            shutil.rmtree(old)
    return n_gone


def _rewrite(database: Path) -> None:
    """Write the copy's database anew, its unused bytes as zeros: chromadb fills them with what its memory held before."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")


def _copy(collection: Collection, copy: Collection, left_out: set[str]) -> None:
    for block in blocks([one for one in collection.get(include=[])["ids"] if one not in left_out]):
        stored = collection.get(ids=block, include=["documents", "metadatas", "embeddings"])
        copy.add(ids=stored["ids"], documents=stored["documents"], metadatas=stored["metadatas"], embeddings=stored["embeddings"])
