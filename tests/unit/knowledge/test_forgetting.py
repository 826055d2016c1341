"""A forgotten entry is in no byte of the index; the others are found as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.errors import ConfigError
from epm.knowledge.catalogue import default_index
from epm.knowledge.forgetting import entries_about, entries_before, forget_entries
from epm.knowledge.index import KnowledgeEntry

pytest.importorskip("chromadb")


def entry(name: str, text: str, kind: str = "listing", **more: object) -> KnowledgeEntry:
    return KnowledgeEntry(**{"id": name, "kind": kind, "text": text, "provenance": "test", "created_at_s": 5.0, **more})  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    index = default_index(tmp_path, "hash")
    index.add([entry(f"listing-{i}", f"kettle KX-{i}") for i in range(20)])
    index.add([entry("listing-bad", "quillfeather kettle")])
    index.add([
        entry("answer-1", "quillfeather is black", "answer", entity="e", attribute="a", pair_ids=("p1",)),
        entry("answer-2", "quillfeather is red", "answer", entity="e", attribute="a", pair_ids=("p9",), provenance="x: listing-bad"),
        entry("answer-3", "kettles are red", "answer", entity="e", attribute="a", pair_ids=("p9",), created_at_s=50.0),
        entry("document-1", "a manual", "document"),
    ])  # fmt: skip
    index.close()
    return tmp_path


def holds(folder: Path, word: bytes) -> bool:
    return any(word in path.read_bytes().lower() for path in folder.rglob("*") if path.is_file())


def test_what_was_learned_from_a_listing_is_found_and_forgotten_without_trace(folder: Path) -> None:
    assert holds(folder, b"quillfeather")
    ids = entries_about([folder], {"listing-bad"}, {"p1"})
    assert ids == {"listing-bad", "answer-1", "answer-2"}
    assert forget_entries([folder], ids) == 3
    assert not holds(folder, b"quillfeather")
    index = default_index(folder, "hash")
    assert index.count() == 22
    hits = index.query("kettle KX-7", kind="listing", top_k=1, now_s=10.0)
    assert [(hit.entry.id, hit.entry.text, round(hit.similarity, 6)) for hit in hits] == [("listing-7", "kettle KX-7", 1.0)]
    index.add([entry("listing-new", "kettle KX-99")])
    assert index.count() == 23
    index.close()


def test_nothing_is_copied_when_nothing_goes(folder: Path) -> None:
    [index] = list(folder.iterdir())
    before = index.stat().st_ino
    assert forget_entries([folder], {"listing-elsewhere"}) == 0
    assert index.stat().st_ino == before


def test_documents_have_no_age(folder: Path) -> None:
    assert "document-1" not in entries_before([folder], 40.0)
    assert {"listing-bad", "answer-1"} <= entries_before([folder], 40.0)
    assert "answer-3" not in entries_before([folder], 40.0)


def test_a_purge_that_was_cut_off_between_the_two_renames_is_put_right(folder: Path) -> None:
    [index] = list(folder.iterdir())
    index.rename(index.with_name(index.name + ".old"))
    assert forget_entries([folder], {"listing-bad"}) == 1
    assert [path.name for path in folder.iterdir()] == [index.name]


def test_nothing_is_taken_out_from_under_a_command_that_has_the_index_open(folder: Path) -> None:
    index = default_index(folder, "hash")
    with pytest.raises(ConfigError, match="at work in another command"):
        forget_entries([folder], {"listing-bad"})
    index.add([entry("listing-new", "kettle KX-99")])
    index.close()
    assert forget_entries([folder], {"listing-bad"}) == 1
    again = default_index(folder, "hash")
    assert again.count() == 25
    again.close()
