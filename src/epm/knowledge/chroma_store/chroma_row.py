"""An entry as a row of chromadb, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from epm.knowledge.chroma_store.soundness import needs_readable_row
from epm.knowledge.entity import entity_key
from epm.knowledge.index import KnowledgeEntry

Metadata = dict[str, str | int | float | bool]


def to_metadata(entry: KnowledgeEntry) -> Metadata:
    """What is stored beside the text of an entry."""
    # chromadb refuses None, and its list values cannot be empty: absent keys and JSON text stand for both.
    values: dict[str, str | float | None] = {
        "kind": entry.kind, "provenance": entry.provenance, "entity": entry.entity, "attribute": entry.attribute,
        "entity_key": None if entry.entity is None else entity_key(entry.entity), "pair_ids": json.dumps(entry.pair_ids), "created_at_s": entry.created_at_s, "expires_at_s": entry.expires_at_s,
        "metadata": json.dumps(dict(entry.metadata), sort_keys=True),
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


@needs_readable_row
def entry_of(entry_id: str, text: str, stored: Mapping[str, object]) -> KnowledgeEntry:
    """The entry of a stored row."""
    expires = stored.get("expires_at_s")
    return KnowledgeEntry(
        id=entry_id, kind=str(stored["kind"]), text=text, provenance=str(stored["provenance"]),
        entity=cast("str | None", stored.get("entity")), attribute=cast("str | None", stored.get("attribute")),
        pair_ids=tuple(json.loads(str(stored["pair_ids"]))), created_at_s=float(cast(float, stored["created_at_s"])),
        expires_at_s=None if expires is None else float(cast(float, expires)), metadata=json.loads(str(stored["metadata"])),
    )  # fmt: skip
