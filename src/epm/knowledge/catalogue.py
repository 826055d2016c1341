"""Pairs' listings as knowledge entries, so that each pair can be seen beside its nearest rivals."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from epm.config import DEFAULT_STORE
from epm.egress import EgressPolicy
from epm.knowledge.embedder import AUTO, HashEmbedder, RememberingEmbedder, make_embedder
from epm.knowledge.index import KnowledgeEntry
from epm.knowledge.memory import MemoryIndex
from epm.listing import Listing
from epm.pair import Pair
from epm.store.place import AnyPlace, StorePlace

if TYPE_CHECKING:
    from epm.knowledge.chroma_store.chroma_index import ChromaIndex

_TITLE_CHARS = 300


def listing_entry_id(listing: Listing) -> str:
    """The id of a listing's entry: equal for equal offers."""
    return f"listing-{listing.content_sha()[:24]}"


def listing_text(listing: Listing) -> str:
    """What stands for a listing in the index: its title, after the brand where the title does not name it."""
    title = listing.title[:_TITLE_CHARS]
    if listing.brand is None or listing.brand.casefold() in title.casefold():
        return title
    return f"{listing.brand[:60]} {title}"


def listing_entries(pairs: Iterable[Pair], *, provenance: str, now_s: float = 0.0) -> list[KnowledgeEntry]:
    """One entry for each distinct offer, naming every pair it stands in. Labels and cluster ids are not read."""
    found: dict[str, tuple[str, list[str]]] = {}
    for pair in pairs:
        for listing in (pair.left, pair.right):
            _, pair_ids = found.setdefault(listing_entry_id(listing), (listing_text(listing), []))
            if not pair_ids or pair_ids[-1] != pair.id:
                pair_ids.append(pair.id)
    return [
        KnowledgeEntry(id=entry_id, kind="listing", text=text, provenance=provenance, pair_ids=tuple(pair_ids), created_at_s=now_s)
        for entry_id, (text, pair_ids) in found.items()
    ]


def batch_index(pairs: Iterable[Pair]) -> MemoryIndex:
    """An exact index in memory over the listings of these pairs, on hashed n-grams: made in moments, needs no model."""
    index = MemoryIndex(RememberingEmbedder(HashEmbedder()))
    index.add(listing_entries(pairs, provenance="batch"))
    return index


def default_index(folder: Path, embedder_name: str = AUTO) -> MemoryIndex | ChromaIndex:
    """The index of a run: chromadb in ``folder`` where it is installed, else in memory; its ``name`` says which, and the vectors.

    Raises:
        ConfigError: the embedder is unknown or not installed.
        ArtifactError: the folder cannot be used.
    """
    embedder = make_embedder(embedder_name)
    if find_spec("chromadb") is None:
        return MemoryIndex(embedder)
    from epm.knowledge.chroma_store.chroma_index import ChromaIndex

    return ChromaIndex(folder / _folder_name(embedder.model_id), embedder)


def index_place(folder: Path, embedder_name: str = AUTO) -> Path:
    """Where the index of an embedder lies in a knowledge folder; raises like :func:`default_index`."""
    return folder / _folder_name(make_embedder(embedder_name).model_id)


def knowledge_folder(store: AnyPlace) -> Path:
    """The knowledge folder beside a store file; in the default place for a store on a server."""
    return (StorePlace.of(store).path or DEFAULT_STORE).parent / "knowledge"


def visible_folder(folder: Path, egress: EgressPolicy) -> Path:
    """Where a model's knowledge lies: one made under other rules about fields may hold what must not be shown."""
    return folder if egress.fields is None else folder / f"only {egress.fields_text()}"


def _folder_name(model_id: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in model_id).split())
