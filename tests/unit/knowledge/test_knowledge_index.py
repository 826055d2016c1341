"""Every index finds the nearest live entries, and keeps own, foreign and old ones out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from epm.errors import DataError
from epm.knowledge.catalogue import batch_index, listing_entries, listing_entry_id
from epm.knowledge.embedder import HashEmbedder, RememberingEmbedder
from epm.knowledge.index import KnowledgeEntry, KnowledgeIndex
from epm.knowledge.memory import MemoryIndex
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

TITLES = ["sony wh-1000xm4 headphones black", "sony wh-1000xm5 headphones black", "bosch drill gsr 12v", "lego 10255 square"]


@pytest.fixture(params=["memory", "chroma exact", "chroma graph"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KnowledgeIndex]:
    embedder = RememberingEmbedder(HashEmbedder(256))
    if request.param == "memory":
        yield MemoryIndex(embedder)
        return
    chroma = pytest.importorskip("epm.knowledge.chroma_store.chroma_index")
    exact_up_to = 0 if request.param == "chroma graph" else 1_000
    with chroma.ChromaIndex(tmp_path / "index", embedder, exact_up_to=exact_up_to) as opened:
        yield opened


def entry(entry_id: str, text: str, **more: object) -> KnowledgeEntry:
    values: dict[str, object] = {"id": entry_id, "kind": "listing", "text": text, "provenance": "test", **more}
    return KnowledgeEntry(**values)  # type: ignore[arg-type]


def found(index: KnowledgeIndex, text: str, **more: object) -> list[str]:
    values: dict[str, object] = {"kind": "listing", "top_k": 3, "now_s": 0.0, **more}
    return [hit.entry.id for hit in index.query(text, **values)]  # type: ignore[arg-type]


def test_the_nearest_entries_come_first(index: KnowledgeIndex) -> None:
    index.add([entry(f"l{i}", title) for i, title in enumerate(TITLES)])
    assert found(index, "Sony WH-1000XM4 headphones", top_k=2) == ["l0", "l1"]
    assert index.count() == 4


def test_an_empty_index_finds_nothing(index: KnowledgeIndex) -> None:
    assert found(index, "anything") == []


def test_a_pair_never_retrieves_what_was_learned_from_it(index: KnowledgeIndex) -> None:
    index.add([entry("own", TITLES[0], pair_ids=("p0", "p1")), entry("other", TITLES[1], pair_ids=("p2",))])
    assert found(index, TITLES[0], exclude_pair_id="p1") == ["other"]
    assert found(index, TITLES[0]) == ["own", "other"]


def test_an_answer_is_found_however_the_product_was_written(index: KnowledgeIndex) -> None:
    index.add([
        entry("a1", "it is black", kind="answer", entity="Kolvra KX-120 kettle", attribute="colour"),
        entry("a2", "it is red", kind="answer", entity="kolvra kx130", attribute="colour"),
    ])  # fmt: skip
    for written in ("kolvra kx120", "Kolvra KX 120", "kolvra:kx120", "KOLVRA  kx-120 1.7 l"):
        assert found(index, "it is black", kind="answer", entity=written, attribute="colour") == ["a1"]


def test_own_entries_that_crowd_the_top_do_not_hide_the_others(index: KnowledgeIndex) -> None:
    index.add([entry(f"own{i}", TITLES[0], pair_ids=("p",)) for i in range(40)] + [entry("far", TITLES[3])])
    assert found(index, TITLES[0], exclude_pair_id="p") == ["far"]


def test_an_expired_entry_is_not_found_and_a_living_one_is(index: KnowledgeIndex) -> None:
    index.add([entry("old", TITLES[0], expires_at_s=100.0), entry("new", TITLES[0], expires_at_s=200.0)])
    assert found(index, TITLES[0], now_s=100.0) == ["new"]


def test_answers_are_found_for_the_same_entity_and_attribute_only(index: KnowledgeIndex) -> None:
    index.add([
        entry("a1", "it is black", kind="answer", entity="sony xm4", attribute="colour"),
        entry("a2", "it is black", kind="answer", entity="sony xm5", attribute="colour"),
        entry("a3", "it is black", kind="answer", entity="sony xm4", attribute="size"),
    ])  # fmt: skip
    assert found(index, "it is black", kind="answer", entity="sony xm4", attribute="colour") == ["a1"]
    assert found(index, "it is black", kind="answer", entity="sony xm4") == ["a1", "a3"]


def test_an_entry_whose_id_is_known_replaces_the_old_one(index: KnowledgeIndex) -> None:
    index.add([entry("x", TITLES[0], kind="answer", entity="a", attribute="b")])
    index.add([entry("x", TITLES[3], kind="answer", entity="c", attribute="d")])
    assert index.count() == 1
    assert found(index, TITLES[3], kind="answer", entity="a", attribute="b") == []
    assert index.query(TITLES[3], kind="answer", top_k=1, now_s=0.0)[0].similarity == pytest.approx(1.0, abs=1e-4)


def test_every_field_of_an_entry_survives_storing(index: KnowledgeIndex) -> None:
    full = entry(
        "full", TITLES[0], pair_ids=("a|b", "c"), created_at_s=5.5, expires_at_s=9.5, metadata={"k": "v"}, entity="e", attribute="f"
    )
    bare = entry("bare", TITLES[1])
    index.add([full, bare])
    stored = {hit.entry.id: hit.entry for hit in index.query(TITLES[0], kind="listing", top_k=2, now_s=0.0)}
    assert stored == {"full": full, "bare": bare}
    assert dict(stored["full"].metadata) == {"k": "v"}


def test_equal_similarities_come_in_the_order_of_ids_whatever_the_order_of_adding(index: KnowledgeIndex) -> None:
    index.add([entry(entry_id, TITLES[0]) for entry_id in ("c", "a", "d", "b")])
    assert found(index, TITLES[0]) == ["a", "b", "c"]


def test_an_id_twice_in_one_batch_keeps_the_last(index: KnowledgeIndex) -> None:
    index.add([entry("x", TITLES[0]), entry("x", TITLES[2])])
    assert [hit.entry.text for hit in index.query(TITLES[2], kind="listing", top_k=2, now_s=0.0)] == [TITLES[2]]


@pytest.mark.parametrize(
    "act", [lambda i: i.add([entry("x", "y", kind="gossip")]), lambda i: i.query("y", kind="gossip", top_k=1, now_s=0.0)]
)
def test_an_unknown_kind_is_refused(index: KnowledgeIndex, act: Callable[[KnowledgeIndex], object]) -> None:
    with pytest.raises(DataError, match="gossip"):
        act(index)


def test_a_text_is_encoded_once() -> None:
    embedder = RememberingEmbedder(HashEmbedder(64))
    memory = MemoryIndex(embedder)
    memory.add([entry("a", TITLES[0]), entry("b", TITLES[0]), entry("c", TITLES[1])])
    memory.query(TITLES[1], kind="listing", top_k=1, now_s=0.0)
    assert embedder.n_encoded == 2


def test_hashed_vectors_have_length_one_even_for_empty_text() -> None:
    vectors = HashEmbedder(64).encode(["", " ", "abc", "\ud800"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-6)


def test_listing_entries_hold_one_entry_for_each_offer_and_no_label() -> None:
    same = Listing("a", "Sony XM4", brand="Sony", cluster_id="c1")
    pairs = [
        Pair("p1", same, Listing("b", "Bosch drill"), gold_label=Label.MATCH),
        Pair("p2", Listing("z", "Sony XM4", brand="Sony", cluster_id="c9"), Listing("c", "Lego")),
    ]
    entries = {e.id: e for e in listing_entries(pairs, provenance="test")}
    assert len(entries) == 3
    assert entries[listing_entry_id(same)].pair_ids == ("p1", "p2")
    assert not any("c1" in repr(e) or "match" in repr(e) for e in entries.values())
    assert batch_index(pairs).count() == 3
