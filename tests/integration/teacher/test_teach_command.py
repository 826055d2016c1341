"""``epm teach`` and ``epm judge score`` as a user runs them: a model behind a server, resuming, and being killed."""

# The doubles live in conftest.py, which tests cannot import for their types.

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from epm.agents.teach_file import TeachOptions, teach_file
from epm.errors import StoreError
from epm.files.pairs import write_pairs
from epm.gateway.request import ModelSettings
from epm.judge import JudgeContext
from epm.judges.checks import make as make_checks
from epm.judges.score import score_run
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.knowledge.catalogue import listing_entry_id
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.store import RunStore
from forked_python import EPM, run_forked

pytest.importorskip("chromadb")

PRICED_MODEL = "openai/gpt-4o-mini"
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"},
    "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip

SIBLINGS = r"<data name=\"left\">\n{\"title\":\"Kolvra KX-101"
DIFFERENT = {
    **RATIONALE, "relation": "different", "label": "no_match",
    "core": {"comparisons": [{"attribute": "model", "left": "KX-101", "right": "KX102", "verdict": "different"}], "verdict": "different"},
}  # fmt: skip


def make_pairs(n: int) -> list[Pair]:
    names = ["kettle", "toaster", "drill", "lamp", "fan"]
    return [
        Pair(
            f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} {names[i % 5]}", cluster_id=f"GOLDMARK{i}"),
            Listing(f"r{i}", f"{names[i % 5]} Kolvra KX{100 + i + i % 2}"), gold_label=Label.NO_MATCH if i % 2 else Label.MATCH,
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, make_pairs(12))
    return path


_ONE_ITEM_FAILED = text(
    "UPDATE items SET state = 'failed' WHERE run_id = :run_id AND item_id = (SELECT MIN(item_id) FROM items WHERE run_id = :run_id)"
)


def epm(*args: object) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *args, env={**os.environ, "FAKE_KEY": "secret-1"})


def options(tmp_path: Path, **more: object) -> TeachOptions:
    return TeachOptions(**{"store": str(tmp_path / "store.db"), "embedder": "hash", **more})  # type: ignore[arg-type]


def test_teaching_on_rules_stores_a_rationale_for_every_pair_and_reports_agreement_with_gold(tmp_path: Path, pair_file: Path) -> None:
    report = teach_file(pair_file, options(tmp_path))
    assert (report.n_items, report.n_new, report.n_decided + report.n_abstained, report.n_failed) == (12, 12, 12, 0)
    assert report.gold is not None
    assert (report.gold.n, report.gold.positives) == (12, 6)
    with RunStore.open(tmp_path / "store.db") as store:
        items = list(store.items(report.run_id))
        assert store.run(report.run_id).status == "done"
        sent = [call.scope.prompt_id for call in store.calls(report.run_id)]
    assert all(item.decision.rationale is not None for item in items)
    assert [item.pair.gold_label for item in items] == [p.gold_label for p in sorted(make_pairs(12), key=lambda p: p.id)]
    assert {"teacher/ask.v1", "teacher/decide.v1", "teacher/verify.v1"} <= set(sent)


def test_repeating_the_command_does_only_what_is_left_and_fresh_does_it_anew(tmp_path: Path, pair_file: Path) -> None:
    first = teach_file(pair_file, options(tmp_path, limit=5))
    second = teach_file(pair_file, options(tmp_path))
    third = teach_file(pair_file, options(tmp_path))
    fresh = teach_file(pair_file, options(tmp_path, is_fresh=True))
    assert [report.n_new for report in (first, second, third, fresh)] == [5, 7, 0, 12]
    assert first.run_id == second.run_id == third.run_id != fresh.run_id
    assert second.n_items == 12


def test_a_resumed_run_indexes_its_listings_once_but_all_that_were_added_and_all_of_a_lost_index(tmp_path: Path, pair_file: Path) -> None:
    def indexed_s(**more: object) -> float:
        with RunStore.open(tmp_path / "store.db") as store:
            for run in store.runs():  # one more item to do, so that the index is wanted
                store.write(lambda connection, run_id=run.run_id: connection.execute(_ONE_ITEM_FAILED, {"run_id": run_id}).rowcount)
        return teach_file(pair_file, options(tmp_path, **more)).index_s

    assert indexed_s(limit=5) > 0
    assert indexed_s(limit=5) == 0
    assert indexed_s() > 0  # seven pairs more
    assert indexed_s(limit=5) == 0
    assert indexed_s() == 0
    assert indexed_s(knowledge_folder=tmp_path / "elsewhere") > 0


def test_another_identity_rule_or_model_is_another_run(tmp_path: Path, pair_file: Path) -> None:
    strict = teach_file(pair_file, options(tmp_path, limit=2))
    family = teach_file(pair_file, options(tmp_path, limit=2, identity="family"))
    assert strict.run_id != family.run_id


def test_a_model_behind_a_server_is_asked_searches_with_tools_and_is_in_the_ledger_with_usage_and_cost(
    tmp_path: Path, pair_file: Path, fake_server
) -> None:
    rival_id = listing_entry_id(make_pairs(12)[5].left)
    fake_server.script(
        keep_bodies=True,
        replies=[
            {"contains": '"role": "tool"', "content": {"answer": "It is sold in black.", "citations": [rival_id]}},
            {"contains": "Which questions, if any", "content": {"thinking": "colour is open", "questions": [
                {"attribute": "colour", "entity": "kolvra kx-100", "side": "both", "question": "Which colours has the Kolvra KX-100?"}
            ]}},
            {"contains": "Do the earlier answers settle", "content": {"reason": "no", "sufficient": False, "answer": None, "citations": []}},
            {"contains": ["Compare the left and the right", SIBLINGS], "content": DIFFERENT},
            {"contains": "Compare the left and the right", "content": RATIONALE},
        ]
    )  # fmt: skip
    done = epm(
        "teach", pair_file, "--model", PRICED_MODEL, "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--limit", 3, "--embedder", "hash",
        "--store", tmp_path / "store.db", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["n_decided"], report["n_failed"], report["n_searches"]) == (3, 0, 3)
    assert report["cost_usd"] > 0
    with RunStore.open(tmp_path / "store.db") as store:
        calls = list(store.calls(report["run_id"]))
        [decision] = [item.decision for item in store.items(report["run_id"]) if item.item_id == "p0"]
    physical = [call for call in calls if not call.is_cached]
    log = fake_server.log()
    assert len(physical) == log["n_requests"]
    assert sum(call.usage.prompt_tokens for call in physical) == log["prompt_tokens"]
    assert sum(call.cost_usd or 0.0 for call in physical) == pytest.approx(report["cost_usd"])
    assert {"teacher/ask", "teacher/research", "teacher/decide", "teacher/verify"} <= {call.scope.role for call in calls}
    assert decision.provenance["confidence"] == "high"
    shown = json.dumps(log["requests"])
    assert "Kolvra KX-100" in shown
    assert "GOLDMARK" not in shown
    assert "secret-1" not in (tmp_path / "store.db").read_bytes().decode("latin-1")


def test_a_killed_run_is_resumed_with_nothing_lost_and_nothing_done_twice(tmp_path: Path, fake_server) -> None:
    path, store_path, concurrency = tmp_path / "pairs.jsonl", tmp_path / "store.db", 4
    write_pairs(path, make_pairs(60)[::2])  # each with one code on both sides, which the server's answer to all suits
    fake_server.script(latency_s=0.05, replies=[{"contains": "Compare the left and the right", "content": RATIONALE}])
    command = [
        "teach", str(path), "--model", PRICED_MODEL, "--api-base", fake_server.url,
        "--api-key-env", "FAKE_KEY", "--concurrency", str(concurrency), "--embedder", "hash", "--store", str(store_path), "--json",
    ]  # fmt: skip
    program = [sys.executable, "-c", EPM]
    with subprocess.Popen(
        [*program, *command], env={**os.environ, "FAKE_KEY": "k"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as victim:
        while fake_server.n_requests() < 40 and victim.poll() is None:
            time.sleep(0.02)
        victim.send_signal(signal.SIGKILL)
        assert victim.stderr is not None
        complaints = victim.stderr.read().decode()
    before = fake_server.n_requests()
    assert 40 <= before < 90, complaints
    resumed = epm(*command)
    report = json.loads(resumed.stdout)
    assert (report["n_items"], report["n_decided"], report["n_failed"]) == (30, 30, 0)
    assert 0 < report["n_new"] < 30
    n_needed = 30 * 3  # ask, decide, verify
    assert n_needed <= fake_server.n_requests() <= n_needed + concurrency
    with RunStore.open(store_path) as store:
        stored = Counter(item.item_id for item in store.items(report["run_id"]))
    assert stored == Counter({f"p{i}": 1 for i in range(0, 60, 2)})


def test_scoring_a_run_keeps_judgements_and_repeating_it_makes_no_new_ones(tmp_path: Path, pair_file: Path) -> None:
    run_id = teach_file(pair_file, options(tmp_path)).run_id
    first = score_stored(run_id[:6], ScoreOptions(store=str(tmp_path / "store.db")))
    again = score_stored(run_id, ScoreOptions(store=str(tmp_path / "store.db"), model=ModelSettings("rules")))
    assert (first.run_id, first.n_rationales, first.n_new, again.n_new) == (run_id, 12, 48, 0)
    assert first.judges["checks"]["core"].n_scored == 12
    for judge in ("core", "identifier", "variant"):
        figures = first.judges[judge][judge]
        assert (figures.n_scored, figures.mean, figures.unscored_rate) == (0, None, 1.0)
        assert list(figures.unscored_reasons) == ["no model: this judge needs one; name it with --model"]
    with RunStore.open(tmp_path / "store.db") as store:
        assert len(list(store.judgements(run_id))) == 48


def test_labels_are_judged_by_the_identity_rule_that_the_run_was_decided_by(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    left, right = Listing("l", "Kolvra KX-120 kettle black", brand="Kolvra"), Listing("r", "Kolvra KX-120 kettle white", brand="Kolvra")
    write_pairs(path, [Pair("p", left, right)])
    run_id = teach_file(path, options(tmp_path, identity="family")).run_id
    with RunStore.open(tmp_path / "store.db") as store:
        [item] = list(store.items(run_id))
        assert item.decision.label is Label.MATCH
        asyncio.run(score_run(run_id, [make_checks(None)], JudgeContext(), store=store))
        [judgement] = list(store.judgements(run_id))
    assert all(score.level == "sound" for score in judgement.scores), judgement


def test_an_unscored_judgement_is_tried_again_and_a_score_is_not(tmp_path: Path, pair_file: Path, fake_server) -> None:
    run_id = teach_file(pair_file, options(tmp_path, limit=2)).run_id
    model = ModelSettings(PRICED_MODEL, api_base=fake_server.url, api_key_env="FAKE_KEY")
    os.environ["FAKE_KEY"] = "k"
    scoring = ScoreOptions(judges=("core",), model=model, store=str(tmp_path / "store.db"))
    fake_server.script(faults=["filter_400", "filter_400"])
    failed = score_stored(run_id, scoring)
    fake_server.script(
        replies=[{"contains": "Grade the core axis", "content": {"findings": ["brand agrees"], "reason": "fine", "level": "partial"}}]
    )
    scored = score_stored(run_id, scoring)
    fake_server.script()
    again = score_stored(run_id, scoring)
    assert failed.judges["core"]["core"].unscored_rate == 1.0
    assert all(reason.startswith("content_filter") for reason in failed.judges["core"]["core"].unscored_reasons)
    assert (scored.judges["core"]["core"].mean, scored.judges["core"]["core"].levels) == (0.5, {"partial": 2})
    assert scored.cost_usd > 0
    assert (again.n_new, fake_server.n_requests()) == (0, 0)


def test_an_unknown_run_or_store_is_a_user_error_in_one_line(tmp_path: Path, pair_file: Path) -> None:
    with pytest.raises(StoreError):
        score_stored("nope", ScoreOptions(store=str(tmp_path / "absent.db")))
    teach_file(pair_file, options(tmp_path, limit=1))
    done = epm("judge", "score", "nope", "--store", tmp_path / "store.db")
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)
    assert "nope" in done.stderr


def test_the_summary_names_run_relations_searches_reuse_vetoes_cost_and_gold(tmp_path: Path, pair_file: Path) -> None:
    done = epm("teach", pair_file, "--store", tmp_path / "store.db", "--embedder", "hash")
    assert done.returncode == 0, done.stderr
    for word in ("run ", "decided", "failed", "relations", "searches", "reuse", "vetoes", "cost $", "against gold"):
        assert word in done.stdout
    assert "teach" in done.stderr
