"""The ``dense`` channel: cosines of text vectors, searched exactly in memory or by chromadb on disk.

Exact search is the reference: a channel on disk can tell which share of the exact neighbours its graph finds.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from epm.blocking.candidate import Links, Rows, Similarities, make_links
from epm.blocking.channel import ChannelName
from epm.blocking.nearest import NearestBothWays, block_rows
from epm.errors import ConfigError
from epm.knowledge.catalogue import listing_entry_id, listing_text
from epm.knowledge.embedder import Embedder, RememberingEmbedder, Vectors
from epm.knowledge.index import KnowledgeEntry
from epm.listing import Listing
from epm.progress import ProgressEvent, ProgressSink, silent

_PAIRS_AT_ONCE = 50_000
_RECALL_ROWS = 1_000
"""Left rows on which the graph is compared with exact search."""
_ROUNDING = np.float32(1e-4)
_NO_FLOOR = -1.0
"""The nearest are wanted however far they are."""


class DenseChannel:
    """SimilarityChannel over vectors of titles; with a folder the search goes through chromadb and the vectors are kept there.

    Raises:
        ConfigError: a folder is given, but chromadb is not installed.
        ArtifactError: the folder cannot be used.
    """

    name: ChannelName = "dense"

    def __init__(self, left: Sequence[Listing], right: Sequence[Listing], embedder: Embedder, *, folder: Path | None = None) -> None:
        if folder is not None and find_spec("chromadb") is None:
            raise ConfigError(
                f"an index in {str(folder)!r} needs chromadb: pip install 'epm[rag]', or leave the folder out to search in memory"
            )
        self._tables = (tuple(left), tuple(right))
        self._folder = folder
        # every text of both tables stays known: a graph that is asked text by text must not encode any of them again
        self._embedder = RememberingEmbedder(embedder, capacity=len(left) + len(right) + 1)
        self._found: tuple[tuple[Rows, Rows], ...] | None = None
        self._top_k = 0
        self._left, self._right = (self._encode(table) for table in self._tables)

    def nearest(self, top_k: int, *, on_progress: ProgressSink = silent) -> Links:
        """The nearest rows of both tables: exact without a folder, else as the graph finds them."""
        if self._folder is None:
            return self._exact(top_k, on_progress)
        self._top_k = top_k
        self._found = tuple(self._ask_index(here, top_k, on_progress) for here in (0, 1))
        (left, right), (from_right, to_left) = self._found
        rows = (np.concatenate([left, to_left]), np.concatenate([right, from_right]))
        return make_links(*rows, self.similarity(*rows))

    def index_recall(self) -> float | None:
        """The share in [0, 1] of exact neighbours among what the graph found for up to 1,000 left rows; ``None`` without a graph."""
        if self._found is None or not len(self._left) or not len(self._right):
            return None
        left, right = self._found[0]
        sampled = np.unique(np.linspace(0, len(self._left) - 1, _RECALL_ROWS).astype(np.int64))
        k = min(self._top_k, len(self._right))
        exact = np.partition(self._left[sampled] @ self._right.T, len(self._right) - k, axis=1)[:, len(self._right) - k]
        limit = np.full(len(self._left), np.inf, dtype=np.float32)
        limit[sampled] = exact - _ROUNDING
        hits = np.bincount(left[self._cosines(left, right) >= limit[left]], minlength=len(self._left))
        return float(np.minimum(hits[sampled], k).sum() / (k * len(sampled)))

    def similarity(self, left: Rows, right: Rows) -> Similarities:
        """The cosine of each pair; a negative one counts as 0."""
        return np.clip(self._cosines(left, right), 0.0, 1.0)

    def n_nearer(self, left: Rows, right: Rows) -> tuple[Rows, Rows]:
        """How many rows of the other table are nearer than the pair's partner, seen from either side."""
        own = self._cosines(left, right) + _ROUNDING
        return _n_above(self._left[left], self._right, own), _n_above(self._right[right], self._left, own)

    def _cosines(self, left: Rows, right: Rows) -> Similarities:
        values = [np.zeros(0, dtype=np.float32)]
        for start in range(0, len(left), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            values.append(np.einsum("pd,pd->p", self._left[left[part]], self._right[right[part]]))
        return np.concatenate(values)

    def _exact(self, top_k: int, on_progress: ProgressSink) -> Links:
        found = NearestBothWays(len(self._right), top_k)
        step, columns = block_rows(len(self._right)), np.arange(len(self._right))
        for start in range(0, len(self._left), step):
            block = self._left[start : start + step] @ self._right.T
            for row, similarities in enumerate(block, start=start):
                found.add(row, columns, similarities)
            on_progress(ProgressEvent(self.name, len(self._left), start + len(block)))
        return found.links()

    def _encode(self, table: Sequence[Listing]) -> Vectors:
        if self._folder is not None:  # what is stored there is remembered by the embedder, the rest is encoded and stored
            from epm.knowledge.chroma_store.chroma_index import ChromaIndex

            with ChromaIndex(self._place(table), self._embedder, exact_up_to=0) as index:
                index.add([_entry(listing) for listing in table])
        return self._embedder.encode([listing_text(listing) for listing in table])

    def _place(self, table: Sequence[Listing]) -> Path:
        """A folder for exactly these listings: entries of another table would crowd out the nearest."""
        ids = "\n".join(sorted({listing_entry_id(listing) for listing in table}))
        digest = hashlib.sha256(f"{self._embedder.model_id}\n{ids}".encode()).hexdigest()
        assert self._folder is not None  # noqa: S101  # narrows for the type checker: only called with a folder
        return self._folder / f"table-{digest[:16]}"

    def _ask_index(self, here: int, top_k: int, on_progress: ProgressSink) -> tuple[Rows, Rows]:
        """Rows of one table with the rows of the other one that the graph finds for them."""
        from epm.knowledge.chroma_store.chroma_index import ChromaIndex

        asking, asked = self._tables[here], self._tables[1 - here]
        rows_of: defaultdict[str, list[int]] = defaultdict(list)
        for row, listing in enumerate(asked):
            rows_of[listing_entry_id(listing)].append(row)
        own: list[int] = []
        others: list[int] = []
        with ChromaIndex(self._place(asked), self._embedder, exact_up_to=0, floor=_NO_FLOOR) as index:
            for row, listing in enumerate(asking):
                hits = index.query(listing_text(listing), kind="listing", top_k=top_k, now_s=0.0)
                found = [other for hit in hits for other in rows_of[hit.entry.id]][:top_k]
                own.extend([row] * len(found))
                others.extend(found)
                on_progress(ProgressEvent("dense graph", sum(map(len, self._tables)), here * len(asked) + row + 1))
        return np.array(own, dtype=np.int64), np.array(others, dtype=np.int64)


def _n_above(rows: Vectors, others: Vectors, own: Similarities) -> Rows:
    """How many of ``others`` are nearer to each row than ``own`` says, in blocks: the whole matrix may not fit into memory."""
    step = block_rows(len(others))
    parts = (slice(start, start + step) for start in range(0, len(rows), step))
    counts = [(rows[part] @ others.T > own[part, None]).sum(axis=1, dtype=np.int64) for part in parts]
    return np.concatenate([np.zeros(0, dtype=np.int64), *counts])


def _entry(listing: Listing) -> KnowledgeEntry:
    return KnowledgeEntry(id=listing_entry_id(listing), kind="listing", text=listing_text(listing), provenance="catalogue")
