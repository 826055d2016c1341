"""Putting the user's files into the knowledge index: what is known already stays as it is, what a file no longer says goes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from epm.egress import OPEN, EgressPolicy
from epm.errors import ConfigError
from epm.knowledge.catalogue import default_index, index_place, visible_folder
from epm.knowledge.documents.document_files import FILE, KnowledgeFiles, read_knowledge
from epm.knowledge.embedder import AUTO
from epm.knowledge.forgetting import forget_entries
from epm.knowledge.index import KnowledgeEntry
from epm.knowledge.stored import index_paths, stored_entries
from epm.listing import Listing
from epm.pair import Pair


@dataclass(frozen=True, slots=True)
class AddReport:
    """What adding came to: passages of documents and listings that are new, known already, or no longer in their file."""

    index: str
    n_files: int
    n_documents: int
    n_listings: int
    n_added: int
    n_unchanged: int
    n_removed: int
    n_entries: int
    passed_over: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


def add_files(folder: Path, places: Sequence[Path], *, now_s: float, embedder: str = AUTO, egress: EgressPolicy = OPEN) -> AddReport:
    """The report of adding files and folders to the index of a store.

    Where ``egress`` names the fields that may leave, the index that hosted models are shown gets the listings with those
    fields, and no document: nobody has said that one may leave.

    Raises:
        ConfigError: chromadb is not installed, or the embedder is unknown.
        DataError: a file cannot be read.
    """
    if find_spec("chromadb") is None:
        raise ConfigError("knowledge can only be kept in an index on disk, which needs chromadb: pip install 'epm[rag]'")
    report = _add(folder, read_knowledge(places, visible=lambda listing: listing), now_s, embedder)
    if egress.fields is not None:
        shown = read_knowledge(places, visible=lambda listing: _visible(listing, egress))
        listings = [replace(one, entries=tuple(entry for entry in one.entries if entry.kind == "listing")) for one in shown.read]
        _add(visible_folder(folder, egress), replace(shown, read=tuple(listings)), now_s, embedder)
    return report


def _visible(listing: Listing, egress: EgressPolicy) -> Listing:
    return egress.visible(Pair("", listing, listing)).left


def _add(folder: Path, files: KnowledgeFiles, now_s: float, embedder: str) -> AddReport:
    said = {entry.id: entry for file in files.read for entry in file.entries}
    names = {str(file.path.resolve()) for file in files.read}
    stored = {path.name: {entry.id: entry for entry in stored_entries(path)} for path in index_paths([folder])}
    gone = {entry.id for known in stored.values() for entry in known.values() if entry.metadata.get(FILE) in names and entry.id not in said}
    forget_entries([folder], gone)
    here = stored.get(index_place(folder, embedder).name, {})
    fresh = [replace(entry, created_at_s=now_s) for entry in said.values() if not _is_kept(entry, here.get(entry.id), now_s)]
    with closing(default_index(folder, embedder)) as index:
        index.add(fresh)
        return AddReport(
            index=index.name, n_files=len(files.read), n_documents=sum(entry.kind == "document" for entry in said.values()),
            n_listings=sum(entry.kind == "listing" for entry in said.values()), n_added=len(fresh), n_unchanged=len(said) - len(fresh),
            n_removed=len(gone), n_entries=index.count(), passed_over=tuple(map(str, files.passed_over)),
        )  # fmt: skip


def _is_kept(entry: KnowledgeEntry, known: KnowledgeEntry | None, now_s: float) -> bool:
    """True for what the index holds, alive and cited alike. A listing that a run has stored keeps the pairs it stands in."""
    if known is None or (known.expires_at_s is not None and known.expires_at_s <= now_s):
        return False
    return known.kind == "listing" or known.provenance == entry.provenance
