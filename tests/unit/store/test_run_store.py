from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass, StoreError
from epm.gateway.completion import completion_body
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.request import CallScope, ChatReply, Usage
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.store.records import ItemResult, RunSpec, RunStatus, StoredItem
from epm.store.store import RunStore

SPEC = RunSpec("teach", "sha-in", "multi-agent-rag", "sha-p", "rules", 7, {"identity": "strict"})
FINDING = AxisFinding(comparisons=(Comparison(attribute="mpn", left="A-1", right="A1", verdict=Verdict.SAME),), verdict=Verdict.SAME)
RATIONALE = Rationale(core=FINDING, identifier=FINDING, variant=FINDING, relation=Relation.EXACT, label=Label.MATCH)


@pytest.fixture
def store(address: str) -> Iterator[RunStore]:
    with RunStore.open(address) as opened:
        yield opened


def pair(name: str = "p1") -> Pair:
    left = Listing("l", "Läuft \ud800 ünïcode", brand="K", attributes={"colour": "rot"}, cluster_id="c", extras={"n": 1})
    return Pair(name, left, Listing("r", "right", price="1,00 €"), Label.MATCH, Relation.OTHER_PACK, 6, "train", {"row": 3})


def decided(pair_id: str = "p1") -> Decision:
    return Decision.from_rationale(pair_id, RATIONALE, probability=0.9, cost_usd=0.5, latency_s=1.5, provenance={"flags": ["a"]})


def failed(pair_id: str = "p1", error_class: ErrorClass = ErrorClass.TIMEOUT) -> Decision:
    return Decision.failed(pair_id, error_class, f"late \ud800 {pair_id}")


def finish(store: RunStore, run_id: str, *results: ItemResult) -> None:
    async def write() -> None:
        await asyncio.gather(*(store.finish_item(run_id, result) for result in results))

    asyncio.run(write())


def call(**changes: object) -> CallRecord:
    fields = {
        "scope": CallScope("r1", "p1", "decide", "decide.v1", "sha", 2), "key": "k", "transport": "litellm", "model_asked": "a",
        "model_answered": "b", "attempt": 1, "usage": Usage(10, 2, 3, 4), "cost_usd": 0.25, "latency_s": 2.0, "started_at_s": 5.0,
    }  # fmt: skip
    return CallRecord(**{**fields, **changes})


def test_an_item_comes_back_as_it_went_in(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    finish(store, run_id, ItemResult("p1", pair(), decided()))
    (found,) = store.items(run_id)
    assert found == StoredItem("p1", pair(), decided(), attempt=1)
    assert found.pair.extras == {"row": 3}
    assert found.decision.provenance == {"flags": ["a"]}


def test_an_abstained_item_is_done_and_a_failed_one_is_not(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    abstained = Decision("p2", Outcome.ABSTAINED)
    finish(store, run_id, ItemResult("p1", pair(), failed()), ItemResult("p2", pair("p2"), abstained))
    assert store.done_ids(run_id) == {"p2"}
    assert {item.item_id: item.decision.outcome for item in store.items(run_id)} == {"p1": Outcome.FAILED, "p2": Outcome.ABSTAINED}


def test_a_failed_item_gets_a_second_attempt_and_the_first_done_attempt_stands(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    for decision in (failed(), decided(), failed(), decided()):
        finish(store, run_id, ItemResult("p1", pair(), decision))
    (found,) = store.items(run_id)
    assert (found.attempt, found.decision.outcome) == (2, Outcome.DECIDED)


def test_the_same_spec_resumes_its_run_and_fresh_repeats_it(store: RunStore) -> None:
    first = store.begin(SPEC)
    finish(store, first.run_id, ItemResult("p1", pair(), decided()))
    again, fresh, after = store.begin(SPEC), store.begin(SPEC, fresh=True), store.begin(SPEC)
    assert (first.n_done, first.is_resumed, first.repeat) == (0, False, 0)
    assert (again.run_id, again.n_done, again.is_resumed) == (first.run_id, 1, True)
    assert (fresh.n_done, fresh.is_resumed, fresh.repeat) == (0, False, 1)
    assert fresh.run_id != first.run_id
    assert after.run_id == fresh.run_id
    assert len(first.run_id) == 12


@pytest.mark.parametrize("part", ["command", "input_sha", "matcher", "prompts_sha", "model", "seed", "settings"])
def test_every_part_of_the_spec_makes_another_run(store: RunStore, part: str) -> None:
    parts = {
        "command": "x",
        "input_sha": "x",
        "matcher": "x",
        "prompts_sha": "x",
        "model": "x",
        "seed": 8,
        "settings": {"identity": "family"},
    }
    other = RunSpec(**{name: parts[name] if name == part else getattr(SPEC, name) for name in parts})
    assert store.begin(SPEC).run_id != store.begin(other).run_id


def test_runs_are_found_by_prefix_and_an_unknown_one_lists_what_is_there(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    store.finish_run(run_id, RunStatus.DONE)
    found = store.run(run_id[:5])
    assert (found.run_id, found.spec, found.status) == (run_id, SPEC, RunStatus.DONE)
    with pytest.raises(StoreError, match=rf"'zzz' is unknown in store .*{run_id} \(teach\)"):
        store.run("zzz")
    with pytest.raises(StoreError, match="'%' is unknown"):
        store.run("%")
    store.begin(SPEC, fresh=True)
    with pytest.raises(StoreError, match="'' is ambiguous"):
        store.run("")


def test_the_latest_judgement_of_a_judge_on_a_rationale_stands(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    unscored = Judgement("p1", "sha", "core", (AxisScore.unscored(Axis.CORE, "no model"),))
    scored = Judgement("p1", "sha", "core", (AxisScore(Axis.CORE, 0.75, "sound", "quotes fit"),), cost_usd=0.1)
    other = Judgement("p1", "sha", "checks", (AxisScore(Axis.CORE, 1.0),))
    asyncio.run(store.add_judgements(run_id, [unscored, other]))
    asyncio.run(store.add_judgements(run_id, [scored]))
    assert list(store.judgements(run_id)) == [other, scored]


def test_judgements_are_written_with_their_item_or_not_at_all(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    scored = Judgement("p1", "sha", "core", (AxisScore(Axis.CORE, 0.5),))
    finish(store, run_id, ItemResult("p1", pair(), decided(), (scored,)), ItemResult("p1", pair(), decided(), (scored,)))
    assert list(store.judgements(run_id)) == [scored]


def test_calls_and_kept_replies_come_back_as_they_went_in(store: RunStore) -> None:
    kept = CachedReply(
        "k", "litellm x", {"model": "a"}, ChatReply(completion_body("b", {"content": "\ud800"}), Usage(1, 2), "b", 0.5, None)
    )
    lost = call(error_class=ErrorClass.TIMEOUT, error="late", cost_usd=None, model_answered=None, usage=Usage(0, 0, is_estimated=True))
    asyncio.run(store.record_call(call(), kept))
    asyncio.run(store.record_call(lost, None))
    assert list(store.calls("r1")) == [call(), lost]
    assert store.cached("k") == kept
    asyncio.run(store.reject("k", call().scope, ErrorClass.INVALID_STRUCTURE, "no JSON"))
    assert store.cached("k") is None


def test_the_summary_counts_physical_calls_apart_from_cache_hits(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    scope = CallScope(run_id, "p1", "decide")
    lost = call(
        scope=scope, error_class=ErrorClass.TIMEOUT, cost_usd=None, usage=Usage(0, 0, is_estimated=True), latency_s=4.0, model_answered=None
    )
    for one in (call(scope=scope), lost, call(scope=scope, is_cached=True, cost_usd=0.0, latency_s=0.0)):
        asyncio.run(store.record_call(one, None))
    finish(
        store, run_id, ItemResult("p1", pair(), decided()), ItemResult("p2", pair("p2"), failed("p2")),
        ItemResult("p3", pair("p3"), failed("p3")), ItemResult("p4", pair("p4"), failed("p4", ErrorClass.AUTH)),
    )  # fmt: skip
    summary = store.run_summary(run_id)
    assert (summary.n_done, summary.n_failed) == (1, 3)
    assert [(g.error_class, g.n_items, g.example_item_id) for g in summary.failures] == [
        (ErrorClass.TIMEOUT, 2, "p2"), (ErrorClass.AUTH, 1, "p4"),
    ]  # fmt: skip
    assert summary.failures[0].example_error.startswith("late")
    assert (summary.n_calls, summary.n_calls_failed, summary.n_calls_cached) == (2, 1, 1)
    assert (summary.n_calls_estimated, summary.n_calls_unpriced) == (1, 1)
    assert (summary.prompt_tokens, summary.completion_tokens, summary.cost_usd, summary.mean_latency_s) == (10, 2, 0.25, 3.0)
    assert summary.models_answered == ("b",)


def test_a_write_that_fails_is_reported_to_its_caller_alone(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id

    async def write() -> list[object]:
        results = [ItemResult(name, pair(name), decided(name)) for name in ("a", "b", "c")]
        return await asyncio.gather(
            *(store.finish_item("no-such-run" if r.item_id == "b" else run_id, r) for r in results),
            add_broken(store),
            return_exceptions=True,
        )

    async def add_broken(target: RunStore) -> None:
        await asyncio.wrap_future(target._write(lambda connection: connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)").rowcount))

    *_, broken = asyncio.run(write())
    assert isinstance(broken, StoreError)
    assert "nowhere" in str(broken)
    assert store.done_ids(run_id) == {"a", "c"}


def test_a_write_whose_caller_was_cancelled_is_kept(store: RunStore) -> None:
    run_id = store.begin(SPEC).run_id
    gate = threading.Event()

    async def cancel() -> None:
        store._write(lambda _connection: gate.wait(5))
        task = asyncio.create_task(store.finish_item(run_id, ItemResult("p1", pair(), decided())))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gate.set()

    asyncio.run(cancel())
    store.finish_run(run_id, RunStatus.INTERRUPTED)
    assert store.done_ids(run_id) == {"p1"}


def test_what_was_posted_is_there_after_closing_and_opening_again(address: str) -> None:
    with RunStore.open(address) as store:
        for _ in range(20):
            store.post_call(call())
    with pytest.raises(StoreError, match="is closed"):
        store.post_call(call())
    with RunStore.open(address) as again:
        assert len(list(again.calls("r1"))) == 20


def test_two_stores_write_the_same_file_at_the_same_time(address: str) -> None:
    with RunStore.open(address) as one, RunStore.open(address) as two:
        run_id = one.begin(SPEC).run_id

        async def write() -> None:
            both = (ItemResult(str(i), pair(str(i)), decided(str(i))) for i in range(40))
            await asyncio.gather(*(store.finish_item(run_id, result) for result in both for store in (one, two)))

        asyncio.run(write())
        assert len(list(two.items(run_id))) == len(one.done_ids(run_id)) == 40


def junk_file(tmp_path: Path) -> Path:
    (tmp_path / "junk.db").write_bytes(b"not a database at all" * 100)
    return tmp_path / "junk.db"


def foreign_database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "foreign.db") as connection:
        connection.execute("CREATE TABLE songs (id)")
    connection.close()
    return tmp_path / "foreign.db"


def newer_store(tmp_path: Path) -> Path:
    RunStore.open(tmp_path / "newer.db").close()
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.execute("UPDATE store_version SET version = 99")
    connection.close()
    return tmp_path / "newer.db"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (lambda folder: folder, "unable to open"),
        (lambda _: Path("/proc/none/store.db"), "No such file"),
        (junk_file, "not a database"),
        (foreign_database, "something else.*songs"),
        (newer_store, "schema version 99.*upgrade epm"),
        (lambda _: "nosuch://host/db", "another kind of database"),
    ],
)
def test_a_place_that_cannot_be_used_is_named_with_the_remedy(tmp_path: Path, place: Callable[[Path], Path], reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        RunStore.open(place(tmp_path))


def test_reading_commands_make_no_empty_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        RunStore.open(tmp_path / "absent.db", must_exist=True)
    assert not (tmp_path / "absent.db").exists()


def test_a_password_in_the_address_is_never_shown() -> None:
    with pytest.raises(StoreError) as caught:
        RunStore.open("sqlite://user:canary-pw@nohost/x.db")
    assert "canary-pw" not in str(caught.value)


def test_a_question_mark_or_percent_sign_in_a_path_is_part_of_the_name(tmp_path: Path) -> None:
    place = tmp_path / "weird %20?x=1#.db"
    with RunStore.open(place):
        pass
    assert [entry.name for entry in tmp_path.iterdir() if entry.suffix == ".db"] == ["weird %20?x=1#.db"]
