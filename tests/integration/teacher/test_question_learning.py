"""Exploring ways of asking with a model behind a server, and what the export prefers."""

# The doubles live in conftest.py, which tests cannot import for their types.

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from epm.files.pairs import write_pairs
from epm.gateway.request import TaskKind
from epm.knowledge.catalogue import listing_entry_id
from epm.listing import Listing
from epm.pair import Pair
from epm.prompts.ask_examples import example_sets
from epm.relation import Label

pytest.importorskip("chromadb")

Cli = Callable[..., Any]
N_VARIANTS = 3
ASKING = example_sets(N_VARIANTS, seed=0)[1]
"""The worked cases of the one variant whose prompt makes the model ask."""
QUESTION = {
    "attribute": "colour",
    "entity": "kolvra kx-120",
    "side": "right",
    "question": "Which colours is the Kolvra KX-120 kettle sold in?",
}
SILENT = {"comparisons": [], "verdict": "unknown"}
OPEN = {
    "core": SILENT,
    "identifier": SILENT,
    "variant": SILENT,
    "relation": "undecidable",
    "factor": None,
    "label": None,
    "confidence": "low",
}
MATCH = {**OPEN, "relation": "exact", "label": "match", "confidence": "high"}
RIVAL = Listing("v", "Kolvra KX-120 kettle, black only")
PAIRS = [
    Pair("right", Listing("a", "Kolvra KX-120 kettle black"), Listing("b", "Kettle Kolvra KX120"), gold_label=Label.MATCH),
    Pair("wrong", RIVAL, Listing("d", "Kolvra KX-120 kettle for travel"), gold_label=Label.NO_MATCH),
    Pair("unlabelled", Listing("e", "Kolvra KX-120 black"), Listing("f", "Kolvra KX-120 kettle")),
]
"""The evidence leads to 'match' each time: rightly, wrongly, and where nobody knows."""
FOUND = [listing_entry_id(listing) for pair in PAIRS for listing in (pair.left, pair.right)]
REPLIES = [
    {"contains": ["Find the answer.", '"role": "tool"'], "content": {"answer": "Black only.", "citations": FOUND}},
    {
        "contains": ["Which questions, if any", ASKING[0].left["title"]],
        "content": {"thinking": "the colour is open", "questions": [QUESTION]},
    },
    {"contains": "Which questions, if any", "content": {"thinking": "nothing is open", "questions": []}},
    {"contains": ["Compare the left and the right", "Black only."], "content": MATCH},
    {"contains": "Compare the left and the right", "content": OPEN},
]


@pytest.fixture
def explore(cli: Cli, fake_server, tmp_path: Path) -> Callable[..., Any]:
    def run(pairs: list[Pair], *more: object, matcher: str = f"question-variants:{N_VARIANTS}", model: str = "openai/our-own") -> Any:
        write_pairs(tmp_path / "pairs.jsonl", pairs)
        fake_server.script(replies=REPLIES)
        served = ["--api-base", fake_server.url, "--api-key-env", "FAKE_KEY"] if model != "rules" else []
        asked = ["--matcher", matcher, "--model", model, *served, "--embedder", "hash", "--concurrency", 1, *more, "--json"]
        return cli("teach", tmp_path / "pairs.jsonl", *asked)

    return run


@pytest.fixture
def exported(explore, cli: Cli, tmp_path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The export's summary and its rows by pair."""
    taught = explore(PAIRS)
    assert taught.code == 0, taught.err
    run_id = json.loads(taught.out)["run_id"]
    summary = cli(
        "export", run_id, "--format", "question-preferences", "-o", tmp_path / "preferences.jsonl", "--store", ".epm/store.db", "--json"
    )
    assert summary.code == 0, summary.err
    rows = [json.loads(line) for line in (tmp_path / "preferences.jsonl").read_text(encoding="utf-8").splitlines()]
    return json.loads(summary.out), {row["pair_id"]: row for row in rows}


def test_the_questions_whose_evidence_settles_the_gold_label_are_chosen_and_those_that_mislead_rejected(exported) -> None:
    summary, rows = exported
    asking = "+".join(example.id for example in ASKING)
    assert (summary["n_rows"], summary["n_items"], summary["dropped"]) == (2, 3, {"no gold label": 1})
    assert summary["scores"][asking] == {"right": 1, "wrong": 1}
    assert summary["scores"]["plain"] == {"open": 2}
    assert (rows["right"]["variant_chosen"], rows["right"]["score_chosen"], rows["right"]["score_rejected"]) == (asking, 1.0, 0.0)
    assert (rows["wrong"]["variant_rejected"], rows["wrong"]["score_chosen"], rows["wrong"]["score_rejected"]) == (asking, 0.0, -1.0)
    said = json.loads(rows["right"]["chosen"][0]["content"])
    assert said == {"thinking": "the colour is open", "questions": [QUESTION]}
    assert json.loads(rows["right"]["rejected"][0]["content"])["questions"] == []
    assert (rows["right"]["n_searches_chosen"], rows["right"]["n_searches_rejected"]) == (1, 0)


def test_a_decision_says_how_its_questions_cover_what_is_open_and_decides(teacher, pair, question) -> None:
    asked = [question, {**question, "attribute": "brand", "question": "Which brand makes the KX-120 kettle?"}]
    teacher.transport.scripts[TaskKind.ASK] = lambda *_: {"questions": asked}
    [decision] = teacher.decide(pair)
    figures = ("n_questions", "n_decisive", "n_decisive_asked", "n_idle_questions")
    assert tuple(decision.provenance[name] for name in figures) == (2, 1, 1, 1)


def test_the_exported_prompt_is_the_plain_one_whatever_worked_cases_were_shown(exported) -> None:
    _, rows = exported
    system, user = (message["content"] for message in rows["right"]["prompt"])
    assert "three at most" in system
    assert PAIRS[0].right.title in user
    shown = [example.left["title"] for dealt in example_sets(N_VARIANTS, seed=0) for example in dealt]
    assert not any(title in system + user for title in shown)
    assert rows["right"]["prompt_id"] == "teacher/ask.v1"


def test_no_request_depends_on_a_gold_label_a_relation_or_a_cluster(explore, fake_server) -> None:
    def sent(gold: Label, folder: str) -> list[str]:
        pairs = [replace(p, gold_label=gold, split="GOLDMARK", left=replace(p.left, cluster_id="GOLDMARK")) for p in PAIRS]
        outcome = explore(pairs, "--store", f"{folder}/store.db")
        assert outcome.code == 0, outcome.err
        return sorted(request["sha"] for request in fake_server.log()["requests"])

    with_match = sent(Label.MATCH, "one")
    assert with_match
    assert sent(Label.NO_MATCH, "two") == with_match


def test_a_repeated_command_asks_nothing_and_nothing_that_was_found_is_filed(explore, fake_server) -> None:
    first = json.loads(explore(PAIRS).out)
    again = explore(PAIRS)
    assert (json.loads(again.out)["n_new"], fake_server.n_requests()) == (0, 0)
    assert (first["n_questions"], first["n_researched"], first["n_searches"]) == (3, 3, 3)
    assert first["n_indexed"] == 6, "the listings, and no answer: every variant and every pair finds the same"


def test_a_variant_that_fails_is_counted_and_never_preferred_or_rejected(explore, cli: Cli, fake_server, tmp_path: Path) -> None:
    broken = {"contains": ["Which questions, if any", ASKING[0].left["title"]], "content": "no JSON at all"}
    REPLIES.insert(0, broken)
    try:
        taught = explore(PAIRS)
    finally:
        REPLIES.remove(broken)
    report = json.loads(taught.out)
    assert (report["n_failed"], report["n_abstained"]) == (0, 3)
    out = cli("export", report["run_id"], "--format", "question-preferences", "-o", tmp_path / "p.jsonl", "--store", ".epm/store.db")
    assert out.code == 2
    assert "all variants score alike: 2" in out.err


@pytest.mark.parametrize(
    ("how", "message"), [({"model": "rules"}, "rules ask the same"), ({"matcher": "question-variants:1"}, "from 2 to 16")]
)
def test_what_could_show_no_difference_is_refused_with_the_reason(explore, how, message) -> None:
    refused = explore(PAIRS, **how)
    assert (refused.code, refused.out) == (2, "")
    assert message in refused.err
