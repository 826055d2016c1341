"""The user's files in the index: twice the same changes nothing, an edited file replaces its passages, rows are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.egress import EgressPolicy
from epm.errors import DataError
from epm.knowledge.adding import AddReport, add_files
from epm.knowledge.catalogue import default_index, listing_entries, listing_entry_id
from epm.knowledge.inventory import Selection, expire_entries, knowledge_folders, selected_entries
from epm.listing import Listing
from epm.pair import Pair

pytest.importorskip("chromadb")
MANUAL = "The Kolvra KX-120 holds 1.7 litres.\n\n" + "It is sold in quillblack. " * 20


def added(folder: Path, *places: Path, now_s: float = 100.0, **more: object) -> AddReport:
    return add_files(folder / "index", places, now_s=now_s, embedder="hash", **more)  # type: ignore[arg-type]


def texts(folder: Path, selection: Selection = Selection(), place: str = "index") -> list[str]:  # noqa: B008
    return [entry.text for entry in selected_entries([folder / place], selection, now_s=200.0)]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_adding_twice_changes_nothing_and_an_edited_file_replaces_its_passages(tmp_path: Path) -> None:
    manual = write(tmp_path / "docs" / "manual.txt", MANUAL)
    first = added(tmp_path, manual.parent)
    assert (first.n_added, first.n_unchanged, first.n_removed) == (first.n_documents, 0, 0)
    assert first.n_documents >= 2
    before = selected_entries([tmp_path / "index"], Selection(), now_s=0.0)
    again = added(tmp_path, manual.parent, now_s=999.0)
    assert (again.n_added, again.n_unchanged, again.n_removed) == (0, again.n_documents, 0)
    assert selected_entries([tmp_path / "index"], Selection(), now_s=0.0) == before
    write(manual, MANUAL.replace("quillblack", "red"))
    edited = added(tmp_path, manual.parent)
    assert edited.n_removed >= 1
    assert not any("quillblack" in text for text in texts(tmp_path))
    assert any("red" in text for text in texts(tmp_path))
    stored = b"".join(path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert b"quillblack" not in stored


def test_rows_of_text_name_their_source_and_row(tmp_path: Path) -> None:
    added(tmp_path, write(tmp_path / "rows.csv", "id,text,source\nr1,It is black.,https://a.example/x\nr2,It is red.,\n"))
    found = selected_entries([tmp_path / "index"], Selection(), now_s=0.0)
    assert sorted(entry.provenance for entry in found) == [
        "https://a.example/x (rows.csv, row r1), passage 1 of 1", "rows.csv, row r2, passage 1 of 1",
    ]  # fmt: skip
    assert {(entry.kind, entry.created_at_s, entry.expires_at_s) for entry in found} == {("document", 100.0, None)}


def test_a_catalogue_becomes_rivals_and_a_listing_of_a_run_keeps_its_pairs(tmp_path: Path) -> None:
    known = Listing("a", "KX-120 kettle", brand="Kolvra")
    index = default_index(tmp_path / "index", "hash")
    index.add(listing_entries([Pair("p1", known, Listing("b", "Fendal toaster"))], provenance="input 0"))
    index.close()
    report = added(tmp_path, write(tmp_path / "shop.csv", "id,title,brand\n1,KX-120 kettle,Kolvra\n2,KX-130 kettle,Kolvra\n"))
    assert (report.n_listings, report.n_added, report.n_unchanged) == (2, 1, 1)
    [kept] = selected_entries([tmp_path / "index"], Selection(ids=frozenset({listing_entry_id(known)})), now_s=0.0)
    assert kept.pair_ids == ("p1",)
    assert texts(tmp_path, Selection(provenance="SHOP.CSV")) == ["Kolvra KX-130 kettle"]


def test_under_a_policy_of_fields_hosted_models_get_the_visible_fields_of_listings_and_no_document(tmp_path: Path) -> None:
    places = write(tmp_path / "shop.csv", "id,title,brand\n1,KX-120 kettle,Kolvra\n"), write(tmp_path / "manual.md", "Secret.")
    added(tmp_path, *places, egress=EgressPolicy(fields=frozenset({"title"})))
    assert sorted(texts(tmp_path)) == ["Kolvra KX-120 kettle", "Secret."]
    assert texts(tmp_path, place="index/only title") == ["KX-120 kettle"]
    assert [folder.name for folder in knowledge_folders(tmp_path / "index")] == ["index", "only title"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "id,text,colour\n1,x,y\n", "colour does not exist"),
        ("a.csv", "id,text\n1,x\n1,y\n", "repeats the id '1' of line 2"),
        ("a.csv", "id,note\n1,x\n", "no column 'text'"),
        ("a.jsonl", '{"id": "1", "text": ""}\n', "line 1"),
        ("a.txt", "x\0y", "zero byte"),
        ("a.doc", "x", "must end in"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        added(tmp_path, write(tmp_path / name, text))
    assert name in str(error.value)


def test_expired_entries_are_not_found_stay_listed_and_live_again_when_added_again(tmp_path: Path) -> None:
    manual = write(tmp_path / "manual.txt", "The Kolvra KX-120 is black.")
    added(tmp_path, manual)
    [entry] = selected_entries([tmp_path / "index"], Selection(kind="document", older_than_s=50.0), now_s=200.0)
    expire_entries([tmp_path / "index"], frozenset({entry.id}), now_s=200.0)

    def found() -> list[str]:
        index = default_index(tmp_path / "index", "hash")
        hits = index.query("kolvra kx-120", kind="document", top_k=3, now_s=201.0)
        index.close()
        return [hit.entry.id for hit in hits]

    assert found() == []
    [stored] = selected_entries([tmp_path / "index"], Selection(), now_s=201.0)
    assert (stored.id, stored.expires_at_s, stored.provenance) == (entry.id, 200.0, entry.provenance)
    assert added(tmp_path, manual, now_s=300.0).n_added == 1
    assert found() == [entry.id]
