"""A listing that went through teaching, judging and the knowledge index is purged from every byte beside the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from epm.agents.teach_file import TeachOptions, teach_file
from epm.cli import data
from epm.files.pairs import write_pairs
from epm.gateway.request import ModelSettings
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.knowledge.catalogue import listing_entry_id
from epm.listing import Listing
from epm.pair import Pair
from epm.store.store import RunStore

pytest.importorskip("chromadb")

BAD = Listing("bad", "Quillfeather QF-77 kettle 1.7 l black", brand="Quillfeather", mpn="QF-77", attributes={"colour": "quillfeather grey"})
SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
SILENT = {"comparisons": [], "verdict": "unknown"}
RATIONALE = {
    "core": SAME,
    "identifier": SILENT,
    "variant": SILENT,
    "relation": "exact",
    "factor": None,
    "label": "match",
    "confidence": "high",
}
TWIN = Listing("twin", "kettle QF-77 black 1,7 litre")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    others = [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i} kettle black"), Listing(f"r{i}", f"kettle Kolvra KX{i} white")) for i in range(4)
    ]
    write_pairs(tmp_path / "pairs.jsonl", [Pair("hit", BAD, TWIN), *others])
    return tmp_path / "place"


def traces(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and b"quillfeather" in path.read_bytes().lower()]


def purge(folder: Path) -> dict[str, int]:
    app = typer.Typer()
    data.register(app)
    arguments = ["data", "purge", "--listing", "bad", "--store", str(folder / "s.db"), "--yes", "--json"]
    return json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)


def test_nothing_of_it_is_left_after_a_run_on_the_rules(folder: Path) -> None:
    store = str(folder / "s.db")
    run_id = teach_file(folder.parent / "pairs.jsonl", TeachOptions(store=store, embedder="hash")).run_id
    score_stored(run_id, ScoreOptions(store=store))
    assert {"s.db", "chroma.sqlite3"} <= set(traces(folder))
    report = purge(folder)
    assert traces(folder) == []
    assert (report["n_pairs"], report["n_rationales"]) == (1, 1)
    assert report["n_knowledge"] >= 1
    assert report["n_replies"] >= 3  # ask, decide and verify
    again = teach_file(folder.parent / "pairs.jsonl", TeachOptions(store=store, embedder="hash"))
    assert (again.run_id, again.n_new, again.n_items) == (run_id, 0, 5)


def test_nothing_of_it_is_left_after_a_model_found_it_for_another_pair_and_a_third_recalled_the_answer(folder: Path, fake_server) -> None:
    asked = {"attribute": "colour", "entity": "black kettle", "side": "both", "question": "Which colours has the black kettle QF-77?"}
    fake_server.script(
        replies=[
            {"contains": '"role": "tool"', "content": {"answer": "Quillfeather grey.", "citations": [listing_entry_id(BAD)]}},
            {"contains": "Do the earlier answers settle", "content": {"reason": "", "sufficient": True, "answer": "Quillfeather grey.", "citations": []}},
            {"contains": ["Which questions, if any", "Kolvra"], "content": {"thinking": "", "questions": [asked]}},
            {"contains": "Compare the left and the right", "content": RATIONALE},
            {"contains": "Which colours has", "tool_calls": [{"name": "find_rivals", "arguments": {"query": BAD.title}}]},
        ]
    )  # fmt: skip
    model = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url)
    options = TeachOptions(store=str(folder / "s.db"), embedder="hash", model=model, concurrency=1)
    report = teach_file(folder.parent / "pairs.jsonl", options)
    assert (report.n_researched, report.n_recalled) == (1, 3)
    assert {"s.db", "chroma.sqlite3"} <= set(traces(folder))
    assert purge(folder)["n_knowledge"] == 2  # the listing, and the answer that rests on it
    assert traces(folder) == []
    with RunStore.open(folder / "s.db") as store:
        assert any(store.cached(call.key) for call in store.calls(report.run_id))  # what had nothing to do with it is kept
