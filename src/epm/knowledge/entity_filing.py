"""The entity keys of an index on disk, made by the engine that reads now: entries of an older one are filed anew on opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from epm.evidence.engine import engine_version
from epm.knowledge.entity import entity_key
from epm.knowledge.stored import blocks

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection


def entity_keys() -> str:
    """By what keys are made now; an index remembers by what its own were."""
    return f"engine {engine_version()}"


def file_anew(collection: Collection) -> None:
    """Give each entry the key of its entity; what else is stored of it stays. Cut off, it is done again on the next opening."""
    for block in blocks(collection.get(include=[])["ids"]):
        stored = collection.get(ids=block, include=["metadatas"])
        rows = zip(stored["ids"], stored["metadatas"] or [], strict=True)
        named = {entry_id: str(metadata["entity"]) for entry_id, metadata in rows if "entity" in metadata}
        if named:
            collection.update(ids=list(named), metadatas=[{"entity_key": entity_key(entity)} for entity in named.values()])
