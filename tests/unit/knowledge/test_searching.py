"""A search shows what is near, with where it comes from, and nothing that is farther than the floor of the vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from epm.errors import DataError
from epm.knowledge.embedder import HashEmbedder, RememberingEmbedder
from epm.knowledge.index import KnowledgeEntry, KnowledgeIndex
from epm.knowledge.memory import MemoryIndex
from epm.knowledge.searching import search_index

NEAR = KnowledgeEntry("near", "document", "kolvra kettle kx-120 \x1b[31mmanual", "manual.txt, passage 1 of 1", created_at_s=50.0)
FAR = KnowledgeEntry("far", "document", "lamp", "other.txt, passage 1 of 1")
ANSWER = KnowledgeEntry("answer", "answer", "lamp", "test", entity="kolvra kx-120", attribute="colour")


@pytest.fixture(params=["memory", "chroma exact", "chroma graph"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KnowledgeIndex]:
    embedder = RememberingEmbedder(HashEmbedder())
    if request.param == "memory":
        yield MemoryIndex(embedder)
        return
    chroma = pytest.importorskip("epm.knowledge.chroma_store.chroma_index")
    with chroma.ChromaIndex(tmp_path / "index", embedder, exact_up_to=0 if request.param == "chroma graph" else 1_000) as opened:
        yield opened


def test_what_is_farther_than_the_floor_is_no_hit(index: KnowledgeIndex) -> None:
    index.add([NEAR, FAR])
    hits = index.query("kolvra kettle", kind="document", top_k=5, now_s=100.0)
    assert [hit.entry.id for hit in hits] == ["near"]
    assert index.query("mmmm", kind="document", top_k=5, now_s=100.0) == []


def test_what_is_asked_for_by_its_key_need_not_sound_like_the_question(index: KnowledgeIndex) -> None:
    index.add([ANSWER])
    hits = index.query("which colour has it", kind="answer", top_k=5, now_s=100.0, entity="Kolvra KX120", attribute="colour")
    assert [hit.entry.id for hit in hits] == ["answer"]
    assert index.query("which colour has it", kind="answer", top_k=5, now_s=100.0) == []


@pytest.fixture
def store(tmp_path: Path) -> Path:
    chroma = pytest.importorskip("epm.knowledge.chroma_store.chroma_index")
    embedder = RememberingEmbedder(HashEmbedder())
    folder = tmp_path / "knowledge" / "hash-ngram-3-5-v1-d512"
    with chroma.ChromaIndex(folder, embedder) as made:
        made.add([NEAR, FAR, ANSWER])
    return tmp_path / "runs.sqlite"


def epm(*arguments: str) -> tuple[int, str]:
    from epm.cli.app import build_app

    found = CliRunner().invoke(build_app(), ["knowledge", "search", *arguments, "--embedder", "hash"], catch_exceptions=True)
    return found.exit_code, found.stdout


def test_the_command_shows_id_escaped_text_provenance_age_and_distance(store: Path) -> None:
    code, shown = epm("kolvra kettle", "--store", str(store))
    assert code == 0
    first, source, text, n_hits = shown.splitlines()
    assert first.startswith("0.")
    assert "document near, age" in first
    assert (source, text, n_hits) == ("  from manual.txt, passage 1 of 1", "  kolvra kettle kx-120 \\x1b[31mmanual", "1 hits")
    assert epm("mmmm", "--store", str(store))[1].startswith("no hit: nothing lies nearer")


def test_the_command_gives_json_and_keeps_to_a_kind_and_a_limit(store: Path) -> None:
    code, shown = epm("kolvra kettle", "--store", str(store), "--json", "--limit", "1")
    found = json.loads(shown)
    assert (code, [hit["id"] for hit in found["hits"]]) == (0, ["near"])
    assert found["hits"][0]["distance"] <= 1 - found["floor"]
    assert json.loads(epm("kolvra kettle", "--store", str(store), "--json", "--kind", "listing")[1])["hits"] == []


@pytest.mark.parametrize(
    ("query", "kind", "folder", "said"),
    [(" ", None, "knowledge", "says nothing"), ("x", "foo", "knowledge", "foo"), ("x", None, "none", "no knowledge index")],
)
def test_a_search_that_cannot_be_made_says_why_and_makes_nothing(store: Path, query: str, kind: str | None, folder: str, said: str) -> None:
    place = store.parent / folder
    with pytest.raises(DataError, match=said):
        search_index(place, query, kind=kind, limit=3, now_s=0.0, embedder="hash")
    assert not (store.parent / "none").exists()
