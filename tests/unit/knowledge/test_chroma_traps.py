"""chromadb's traps stay shut: models are checked, nothing is embedded behind our back, nothing is encoded twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epm.errors import ArtifactError, DataError
from epm.knowledge.embedder import HashEmbedder, RememberingEmbedder
from epm.knowledge.index import KnowledgeEntry
from epm.knowledge.memory import MemoryIndex

chroma = pytest.importorskip("epm.knowledge.chroma_store.chroma_index")
guard_embedding = pytest.importorskip("epm.knowledge.chroma_store.guard_embedding")


class OtherModel(HashEmbedder):
    def __init__(self) -> None:
        super().__init__(64)
        self.model_id = "another model of equal dimension"


def entries(n: int) -> list[KnowledgeEntry]:
    return [
        KnowledgeEntry(f"l{i}", "listing", f"product {i * 7919 % 1000} of line {i % 13}", "test", pair_ids=(f"p{i // 2}",))
        for i in range(n)
    ]


def test_an_index_of_another_model_is_refused_even_at_equal_dimension(tmp_path: Path) -> None:
    chroma.ChromaIndex(tmp_path, RememberingEmbedder(HashEmbedder(64))).close()
    with pytest.raises(ArtifactError, match="another model of equal dimension"):
        chroma.ChromaIndex(tmp_path, RememberingEmbedder(OtherModel()))


@pytest.mark.parametrize("exact_up_to", [0, 1_000])
def test_an_index_of_an_older_version_is_filed_anew_when_it_is_opened(tmp_path: Path, exact_up_to: int) -> None:
    """Older entries have no key of their entity, or one by another engine; nothing else of them changes."""
    old = KnowledgeEntry("a1", "answer", "It is black.", "test", entity="kolvra kx-120", attribute="colour", pair_ids=("p9",))
    embedder = RememberingEmbedder(HashEmbedder(64))
    with chroma.ChromaIndex(tmp_path, embedder) as index:
        index.add([old])
    with chroma.open_collections(tmp_path) as collections:
        for collection in collections:
            collection.modify(metadata={k: v for k, v in collection.metadata.items() if k != "entity_keys"})
            if collection.count():
                collection.update(ids=[old.id], metadatas=[{"entity_key": "outdated"}])
    with chroma.ChromaIndex(tmp_path, embedder, exact_up_to=exact_up_to) as index:
        [hit] = index.query("black", kind="answer", top_k=1, now_s=0.0, entity="Kolvra KX120", attribute="colour")
    assert hit.entry == old


def test_a_reopened_index_finds_what_was_stored_and_encodes_no_stored_text_again(tmp_path: Path) -> None:
    stored = entries(30)
    with chroma.ChromaIndex(tmp_path, RememberingEmbedder(HashEmbedder(64))) as index:
        index.add(stored)
    embedder = RememberingEmbedder(HashEmbedder(64))
    with chroma.ChromaIndex(tmp_path, embedder) as index:
        index.add(stored)
        assert index.query(stored[3].text, kind="listing", top_k=1, now_s=0.0)[0].entry == stored[3]
        assert index.count() == 30
    assert embedder.n_encoded == 0


def test_an_index_that_outgrows_its_memory_copy_goes_on_over_the_graph(tmp_path: Path) -> None:
    stored = entries(60)
    with chroma.ChromaIndex(tmp_path, RememberingEmbedder(HashEmbedder(64)), exact_up_to=40) as index:
        index.add(stored[:30])
        before = index.query(stored[3].text, kind="listing", top_k=1, now_s=0.0)
        index.add(stored[30:])
        assert index.query(stored[3].text, kind="listing", top_k=1, now_s=0.0)[0].entry == before[0].entry == stored[3]
        assert index.query(stored[50].text, kind="listing", top_k=1, now_s=0.0)[0].entry == stored[50]


def test_chromadb_cannot_embed_by_itself() -> None:
    with pytest.raises(DataError, match="itself"):
        guard_embedding.GuardEmbeddingFunction()(["text"])


def test_it_agrees_with_the_exact_index(tmp_path: Path) -> None:
    embedder = RememberingEmbedder(HashEmbedder(64))
    memory = MemoryIndex(embedder)
    memory.add(entries(300))
    with chroma.ChromaIndex(tmp_path, embedder, exact_up_to=0) as index:
        index.add(entries(300))
        for i in range(0, 300, 20):
            text = f"product {i} of line"
            exact = [hit.similarity for hit in memory.query(text, kind="listing", top_k=5, now_s=0.0, exclude_pair_id=f"p{i}")]
            near = [hit.similarity for hit in index.query(text, kind="listing", top_k=5, now_s=0.0, exclude_pair_id=f"p{i}")]
            assert np.allclose(exact, near, atol=1e-4)


def test_an_unusable_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(ArtifactError, match="file"):
        chroma.ChromaIndex(blocked, RememberingEmbedder(HashEmbedder(64)))
