"""Items that wait for people: checkpointed and queued with their decision, answered, and gone on with without asking a model again."""

# The doubles live in conftest.py, which tests cannot import for their types.

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from epm.agents.answered import resume_answered
from epm.agents.matcher import ItemTools
from epm.agents.state import blind
from epm.evidence.tasks import answer as rules_answer
from epm.files.pairs import write_pairs
from epm.gateway.request import ModelSettings, TaskKind
from epm.identity import STRICT
from epm.knowledge.catalogue import default_index, listing_entries, listing_entry_id
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.relation import Label
from epm.review.answer import Answer, Review
from epm.store.records import ItemResult, RunSpec
from epm.store.review_queue import add_reviews, queue_keys, to_resume
from epm.store.store import RunStore

pytest.importorskip("chromadb")

EPM = (sys.executable, "-c", "from epm.cli.app import main; main()")
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"},
    "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match",
}  # fmt: skip
N_PAIRS, CONCURRENCY = 12, 2


class NoModel:
    """A gateway that must not be asked."""

    async def send(self, *_: object) -> object:
        raise AssertionError("a model was asked again")


@pytest.fixture
def waiting_item(teacher, pair, question, tmp_path: Path):
    """The scripted teacher, a store with one item of it that waits, and the run's id. The item holds back one answer."""
    rival = Pair("p9", Listing("a", "Kolvra KX-120 kettle in black or red"), Listing("b", "Bosch drill"))
    teacher.knowledge.add(listing_entries([pair, rival], provenance="test"))
    rival_id = listing_entry_id(rival.left)

    def search(_payload, body):
        if any(message["role"] == "tool" for message in body["messages"]):
            return {"answer": "Black and red.", "citations": [rival_id]}
        return {"tool_call": {"name": "find_rivals", "arguments": {"query": "kolvra kx-120"}}}

    teacher.transport.scripts = {
        TaskKind.ASK: lambda *_: {"questions": [question]}, TaskKind.RESEARCH: search,
        TaskKind.DECIDE: lambda payload, _: {**rules_answer("decide", payload), "relation": "exact", "label": "match", "confidence": "low"},
    }  # fmt: skip
    [decision] = teacher.decide(pair)
    with RunStore.open(tmp_path / "store.db") as store:
        run_id = store.begin(RunSpec("teach", "in", "multi-agent-rag", "p", "scripted", 0)).run_id
        asyncio.run(store.finish_item(run_id, ItemResult(pair.id, pair, decision)))
        yield teacher, store, run_id


def say(store: RunStore, run_id: str, answers: dict[str, Answer]) -> None:
    given = [Review(run_id, "p1", rater, answer, None, None, 1.0) for rater, answer in answers.items()]
    store.write(lambda connection: add_reviews(connection, given))


def go_on(store: RunStore, run_id: str, knowledge) -> list[str]:
    """The notices of going on, ``[]`` where nothing went on."""
    told: list[str] = []
    tools = ItemTools(NoModel(), ModelSettings("scripted"), knowledge, 1.0)
    asyncio.run(resume_answered(store, run_id, tools, STRICT, told.append))
    return told


def checkpoints(store: Path) -> set[str]:
    """The items of a store that have a checkpoint."""
    with sqlite3.connect(store) as connection:
        found = {item_id for (item_id,) in connection.execute("SELECT item_id FROM waiting WHERE checkpoint IS NOT NULL")}
    connection.close()
    return found


def test_an_item_that_never_waits_has_no_checkpoint_and_one_that_waits_has_one_without_the_listings(teacher, pair) -> None:
    [calm] = teacher.decide(pair)
    teacher.transport.scripts[TaskKind.DECIDE] = lambda payload, _: {**rules_answer("decide", payload), "confidence": "low"}
    [waits] = teacher.decide(Pair("p2", Listing("l2", "Kolvra KX-120 SECRETWORD", brand="Kolvra"), pair.right))
    assert "checkpoint" not in calm.provenance
    held = waits.provenance["checkpoint"]
    assert json.loads(held)["checkpoint"]["channel_values"]["draft"]["confidence"] == "low"
    assert "p2" not in held
    assert '"pair"' not in held.replace('"pair":', "", 1)  # its version is named, its value is not


def test_outside_a_run_nobody_is_waited_for_and_the_draft_stands(teacher, pair) -> None:
    from epm.agents.matcher import make
    from epm.gateway.metered import MeteredGateway

    teacher.transport.scripts[TaskKind.DECIDE] = lambda payload, _: {**rules_answer("decide", payload), "confidence": "low"}
    ctx = MatchContext(STRICT, MeteredGateway(teacher.transport, None), ModelSettings("scripted"), teacher.knowledge)
    [decision] = asyncio.run(make(None).decide([blind(pair)], ctx))
    assert decision.provenance["review_reasons"] == ["low_confidence"]
    assert "checkpoint" not in decision.provenance


def test_the_checkpoint_is_kept_with_the_queue_and_not_with_the_decision(waiting_item, tmp_path: Path) -> None:
    teacher, store, run_id = waiting_item
    assert checkpoints(tmp_path / "store.db") == {"p1"}
    [item] = store.items(run_id)
    assert "checkpoint" not in item.decision.provenance
    assert list(teacher.knowledge.entries("answer")) == []  # held back until somebody answers
    assert go_on(store, run_id, teacher.knowledge) == []


@pytest.mark.parametrize(
    ("answers", "n_filed"),
    [
        ({"ann": Answer.MATCH}, 1),
        ({"ann": Answer.NO_MATCH}, 0),
        ({"ann": Answer.UNSURE}, 0),
        ({"ann": Answer.MATCH, "bob": Answer.NO_MATCH}, 0),
        ({"ann": Answer.MATCH, "bob": Answer.NO_MATCH, "cid": Answer.MATCH}, 1),
    ],
    ids=["upheld", "overruled", "unsure", "raters split", "majority"],
)
def test_an_answered_item_goes_on_once_asks_no_model_and_files_its_answers_only_if_upheld(waiting_item, tmp_path, answers, n_filed) -> None:
    teacher, store, run_id = waiting_item
    n_sent = len(teacher.transport.requests)
    say(store, run_id, answers)
    assert go_on(store, run_id, teacher.knowledge) == ["1 items that people answered went on"]
    assert [entry.text for entry in teacher.knowledge.entries("answer")] == ["Black and red."] * n_filed
    assert len(teacher.transport.requests) == n_sent
    assert checkpoints(tmp_path / "store.db") == set()
    assert go_on(store, run_id, teacher.knowledge) == []
    [item] = store.items(run_id)
    assert item.decision.label is Label.MATCH  # the teacher's, whatever people say
    assert item.pair.gold_label is None


def test_an_item_whose_turn_was_cut_short_goes_on_again_and_files_its_answer_once(waiting_item) -> None:
    class Dying:
        """The index of a process that is killed just after it has written."""

        def __init__(self, inner) -> None:
            self.inner = inner

        def add(self, entries) -> None:
            self.inner.add(entries)
            raise KeyboardInterrupt

    teacher, store, run_id = waiting_item
    say(store, run_id, {"ann": Answer.MATCH})
    with pytest.raises(KeyboardInterrupt):
        go_on(store, run_id, Dying(teacher.knowledge))
    assert store.read(lambda connection: to_resume(connection, run_id)) == ["p1"]
    assert go_on(store, run_id, teacher.knowledge) == ["1 items that people answered went on"]
    assert len(list(teacher.knowledge.entries("answer"))) == 1


def made_pairs() -> list[Pair]:
    """Every other one is an attic find, of which the model is not sure."""
    kinds = ("lamp", "attic")
    return [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} {kinds[i % 2]}"), Listing(f"r{i}", f"Kolvra KX{100 + i}"), gold_label=Label.NO_MATCH)
        for i in range(N_PAIRS)
    ]  # fmt: skip


def scripted(fake_server) -> None:
    question = {"attribute": "colour", "entity": "kolvra kx-101", "side": "both", "question": "Which colours has the Kolvra KX-101?"}
    cited = [listing_entry_id(pair.left) for pair in made_pairs()]
    fake_server.script(
        latency_s=0.05,
        replies=[
            {"contains": '"role": "tool"', "content": {"answer": "It is sold in black.", "citations": cited}},
            {"contains": ["Which questions, if any", "attic"], "content": {"thinking": "colour is open", "questions": [question]}},
            {"contains": ["Compare the left and the right", "attic"], "content": {**RATIONALE, "confidence": "low"}},
            {"contains": "Compare the left and the right", "content": {**RATIONALE, "confidence": "high"}},
        ],
    )


def epm(*args: object, **more: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "FAKE_KEY": "k"}
    return subprocess.run([*EPM, *map(str, args)], capture_output=True, text=True, timeout=60, check=False, env=environment, **more)


def sent_by_item(place: Path) -> Counter[str]:
    """Physical calls of the ledger."""
    with RunStore.open(place) as store:
        [run] = store.runs()
        return Counter(str(call.scope.item_id) for call in store.calls(run.run_id) if not call.is_cached)


def test_waiting_items_survive_a_kill_are_answered_in_the_queue_and_go_on_without_being_paid_again(tmp_path: Path, fake_server) -> None:
    pairs, place = tmp_path / "pairs.jsonl", tmp_path / "store.db"
    write_pairs(pairs, made_pairs())
    scripted(fake_server)
    command = [
        "teach", pairs, "--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--embedder", "hash",
        "--concurrency", CONCURRENCY, "--store", place, "--json",
    ]  # fmt: skip
    waiting = killed_once_items_wait([*EPM, *map(str, command)], place)
    with RunStore.open(place) as store:
        [run] = store.runs()
        done = {item.item_id for item in store.items(run.run_id)}
    attic = {pair.id for pair in made_pairs() if "attic" in pair.left.title}
    assert 2 <= len(waiting) < N_PAIRS
    assert len(done) < N_PAIRS
    assert waiting == checkpoints(place) == done & attic
    paid = sent_by_item(place)

    words = iter(["match", "no_match"] + ["unsure"] * N_PAIRS)
    lines = "".join(json.dumps({"label": next(words)}) + "\n" for _ in waiting)
    asked = epm("review", "next", "--rater", "ann", "--json", "--store", place, input=lines)
    assert asked.returncode == 0, asked.stderr
    shown = [json.loads(line) for line in asked.stdout.splitlines()]
    assert {item["item"] for item in shown} == waiting
    assert not any(word in asked.stdout for word in ("no_match", "low_confidence", "verdict", "exact"))

    resumed = epm(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert f"{len(waiting)} items that people answered went on" in resumed.stderr
    again = sent_by_item(place)
    assert {item: again[item] for item in waiting} == {item: paid[item] for item in waiting}
    requests = Counter(request["sha"] for request in fake_server.log()["requests"])
    assert sum(requests.values()) - len(requests) <= CONCURRENCY  # those in flight at the kill, and no others
    upheld, overruled = shown[0]["item"], shown[1]["item"]
    assert filed_by(place) == {upheld}
    assert checkpoints(place) == attic - waiting
    with RunStore.open(place) as store:
        items = {item.item_id: item for item in store.items(run.run_id)}
    assert len(items) == N_PAIRS
    assert [items[item].decision.provenance["human_label"] for item in (upheld, overruled)] == ["match", "no_match"]
    assert {(item.decision.label, item.pair.gold_label) for item in items.values()} == {(Label.MATCH, Label.NO_MATCH)}


def killed_once_items_wait(command: list[str], place: Path) -> set[str]:
    """The items that wait in the store of a process that was killed (-9) at work."""
    with subprocess.Popen(command, env={**os.environ, "FAKE_KEY": "k"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as victim:
        give_up_s = time.monotonic() + 45
        while victim.poll() is None and time.monotonic() < give_up_s:
            if place.exists() and len(queued(place)) >= 2:
                break
            time.sleep(0.02)
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
    return queued(place)


def queued(place: Path) -> set[str]:
    with RunStore.open(place) as store:
        return {item_id for _, item_id in store.read(queue_keys)}


def filed_by(place: Path) -> set[str]:
    """The pairs whose answers stand in the index."""
    index = default_index(place.parent / "knowledge", "hash")
    try:
        hits = index.query("colour", kind="answer", top_k=N_PAIRS, now_s=time.time())
        return {pair_id for hit in hits for pair_id in hit.entry.pair_ids}
    finally:
        index.close()
