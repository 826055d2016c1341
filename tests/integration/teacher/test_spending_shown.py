"""What a command says it spent is what the ledger holds and caps count: failed, lost and cut calls included."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from epm.files.pairs import write_pairs
from epm.gateway.breaker import MAX_FRUITLESS_IN_A_ROW
from epm.listing import Listing
from epm.pair import Pair
from epm.store.store import RunStore

pytest.importorskip("chromadb")

N = 8
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"}, "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip
REPLIES = [
    {"contains": "Compare the left and the right", "content": RATIONALE},
    {"contains": "Grade the core axis", "content": {"findings": [], "reason": "fine", "level": "sound"}},
]
Cli = Callable[..., Any]


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i} lamp"), Listing(f"r{i}", f"lamp Kolvra KX{i}")) for i in range(N)])
    return path


def asked(fake_server: Any) -> list[object]:
    server = fake_server.url.replace("127.0.0.1", "localhost")  # an account of its own
    return ["--model", "openai/our-own", "--api-base", server, "--price", "10,10", "--concurrency", 2]


def teach(pair_file: Path, fake_server: Any, *more: object) -> list[object]:
    return ["teach", pair_file, *asked(fake_server), "--embedder", "hash", *more, "--json"]


def ledger() -> Any:
    with RunStore.open(".epm/store.db") as store:
        return store.run_summary(store.runs()[0].run_id)


def shown_usd(err: str) -> float:
    """The cost of the last progress line."""
    return float(re.findall(r"teach: .*?\$([0-9.]+)", err)[-1])


def test_teach_shows_what_failed_replies_cost_as_the_ledger_has_it(cli: Cli, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(replies=REPLIES, faults=[None, "length", None, None, "length", None, "500"])
    done = cli(*teach(pair_file, fake_server))
    report, kept = json.loads(done.out), ledger()
    assert report["failed_by_class"]["truncated"] == 2
    assert (report["n_calls"], report["n_calls_failed"]) == (kept.n_calls, kept.n_calls_failed)
    assert report["n_calls"] == fake_server.n_requests()
    assert report["cost_usd"] == report["cost_now_usd"] == pytest.approx(kept.cost_usd)
    log = fake_server.log()
    assert kept.cost_usd == pytest.approx((log["prompt_tokens"] + log["completion_tokens"]) * 10 / 1e6)
    assert shown_usd(done.err) == pytest.approx(kept.cost_usd, abs=1e-4)


def test_a_resumed_run_reports_all_it_cost_and_apart_from_it_what_this_command_did(cli: Cli, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(replies=REPLIES, latency_s=0.01)
    assert cli(*teach(pair_file, fake_server, "--max-cost-usd", 0.14)).code == 3
    before = ledger()
    assert 0 < before.n_done < N
    resumed = cli(*teach(pair_file, fake_server, "--max-cost-usd", 9))
    report, after = json.loads(resumed.out), ledger()
    assert (report["n_calls"], report["cost_usd"]) == (after.n_calls, pytest.approx(after.cost_usd))
    assert report["n_calls_now"] == after.n_calls - before.n_calls
    assert report["cost_now_usd"] == pytest.approx(after.cost_usd - before.cost_usd)
    assert shown_usd(resumed.err) == pytest.approx(report["cost_now_usd"], abs=1e-4)
    text = cli(*teach(pair_file, fake_server)[:-1]).out
    assert (
        f"calls {after.n_calls} sent (0 without a usable reply), {after.n_calls_cached} from the cache, cost ${after.cost_usd:.4f}" in text
    )
    assert "; this command: 0 sent, $0.0000" in text


def test_scoring_and_trying_again_report_what_their_failed_calls_cost(cli: Cli, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(replies=REPLIES, faults=[None, "length"])
    run_id = json.loads(cli(*teach(pair_file, fake_server)).out)["run_id"]
    taught = ledger()
    assert taught.n_failed == 1
    fake_server.script(replies=REPLIES, faults=["length"])
    scored = json.loads(cli("judge", "score", run_id, "--judge", "core", *asked(fake_server), "--json").out)
    judged = ledger()
    assert judged.n_calls_failed == taught.n_calls_failed + 1
    assert scored["cost_usd"] == pytest.approx(judged.cost_usd - taught.cost_usd)
    fake_server.script(replies=REPLIES, faults=["length"])
    retried = json.loads(cli("runs", "retry", run_id, "--failed", "--json").out)
    assert retried["n_failed"] == 1
    assert retried["cost_usd"] == pytest.approx(ledger().cost_usd - judged.cost_usd)
    assert retried["cost_usd"] > 0
    again = json.loads(cli(*teach(pair_file, fake_server)).out)
    assert again["cost_usd"] == pytest.approx(ledger().cost_usd - scored["cost_usd"]), "judges have a cap and a report of their own"


def test_a_cut_run_names_itself_how_far_it_came_and_how_to_go_on_and_shows_its_last_state(
    cli: Cli, pair_file: Path, fake_server: Any
) -> None:
    fake_server.script(replies=REPLIES, latency_s=0.01, faults=["length"])
    cut = cli(*teach(pair_file, fake_server, "--max-cost-usd", 0.14))
    kept = ledger()
    assert (cut.code, kept.n_failed) == (3, 1)
    *progress, message = cut.err.strip().splitlines()
    assert (
        f"epm: run {kept.run.run_id} of 'epm teach': {kept.n_done} of {N} items done, 1 failed; the cap of this run is reached" in message
    )
    assert message.endswith("repeat the same command with a larger --max-cost-usd to go on")
    assert progress[-1].startswith(f"teach: {kept.n_done + 1}/{N}, 1 failed")
    assert shown_usd(cut.err) == pytest.approx(kept.cost_usd, abs=1e-4)
    again = cli(*teach(pair_file, fake_server, "--max-cost-usd", 0.14)).err
    assert f"{ledger().n_done} of {N} items done" in again
    judged = cli("judge", "score", kept.run.run_id, "--judge", "core", *asked(fake_server), "--max-tokens", 1).err
    assert f"epm: 'epm judge score {kept.run.run_id}': 0 of {ledger().n_done} rationales scored; the cap of this run is reached" in judged
    assert judged.strip().endswith("with a larger --max-tokens to go on")


def test_a_sample_that_failed_is_refused_and_one_that_half_failed_is_marked(cli: Cli, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(replies=REPLIES, faults=["length"] * 4)
    refused = cli(*teach(pair_file, fake_server, "--estimate", 4))
    assert (refused.code, refused.out) == (2, "")
    assert "all 4 items of the sample failed (truncated 4), $" in refused.err
    assert "--reply-tokens" in refused.err
    match = ["match", pair_file, "--matcher", "multi-agent-rag", *asked(fake_server)]
    fake_server.script(replies=REPLIES, faults=["refusal"] * 4)
    assert "all 4 items of the sample failed (refusal 4)" in cli(*match, "--estimate", 4, "--json").err
    fake_server.script(replies=REPLIES, faults=["filter_400"] * 2)
    marked = cli(*match, "--estimate", 4)
    assert marked.code == 0, marked.err
    assert "sample: 4 items, 2 of them failed (content_filter 2), $" in marked.out
    assert "not to be relied on, for half of the sample or more failed: the provider's filter" in marked.out
    run_id = json.loads(cli(*teach(pair_file, fake_server)).out)["run_id"]
    fake_server.script(faults=["filter_400"] * 3)
    judged = cli("judge", "score", run_id, "--judge", "core", *asked(fake_server), "--estimate", 3)
    assert (judged.code, "all 3 items of the sample failed (content_filter 3)" in judged.err) == (2, True)


@pytest.mark.parametrize(
    ("fault", "said"),
    [("length", "--reply-tokens"), ("refusal", "another model"), ("filter_400", "the provider's filter"), ("context", "longer context")],
)
def test_a_command_whose_items_all_failed_says_what_to_do_about_that_class(
    cli: Cli, pair_file: Path, fake_server: Any, fault: str, said: str
) -> None:
    fake_server.script(faults=[fault] * N)
    failed = cli(*teach(pair_file, fake_server))
    assert failed.code == 2
    closing = failed.err.strip().splitlines()[-1]
    assert closing.startswith(f"epm: all {N} items failed (")
    assert said in closing
    assert "--api-key-env" not in closing


def test_a_run_that_pays_for_cut_off_replies_alone_is_stopped_and_one_that_once_had_an_answer_is_not(
    cli: Cli, tmp_path: Path, fake_server: Any
) -> None:
    pairs = tmp_path / "many.jsonl"
    write_pairs(pairs, [Pair(f"q{i}", Listing(f"l{i}", f"Kolvra KX-{i} lamp"), Listing(f"r{i}", f"lamp Kolvra KX{i}")) for i in range(40)])
    fake_server.script(faults=["length"] * 40)
    stopped = cli(*teach(pairs, fake_server))
    assert stopped.code == 2
    assert "of 'teacher/ask' failed with 'truncated' and none was answered" in stopped.err
    with RunStore.open(".epm/store.db") as store:
        roles = [call.scope.role for call in store.calls(store.runs()[0].run_id)]
    assert roles.count("teacher/ask") <= MAX_FRUITLESS_IN_A_ROW + 2, "two were at work"
    fake_server.script(replies=REPLIES)
    assert json.loads(cli(*teach(pairs, fake_server, "--limit", 2)).out)["n_decided"] == 2
    fake_server.script(faults=["length"] * 100)
    again = cli(*teach(pairs, fake_server))
    assert json.loads(again.out)["n_failed"] == 38, "an earlier command had answers, and nothing is left but what fails"


def test_the_token_limit_of_a_reply_is_asked_for_and_part_of_the_run(cli: Cli, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(replies=REPLIES)
    ids = [json.loads(cli(*teach(pair_file, fake_server, "--limit", 1, *more)).out)["run_id"] for more in ([], ["--reply-tokens", 99])]
    assert ids[0] != ids[1]
    assert {request["max_tokens"] for request in fake_server.log()["requests"][-3:]} == {99}
    slow = json.loads(cli(*teach(pair_file, fake_server, "--limit", 1, "--timeout-s", 7)).out)
    assert (slow["run_id"], slow["n_new"]) == (ids[0], 0), "a limit of time is no part of it"


def test_a_fresh_run_is_answered_by_the_cache_and_another_sample_asks_anew_once(cli: Cli, pair_file: Path, fake_server: Any) -> None:
    fake_server.script(replies=REPLIES)

    def run(*more: object) -> tuple[str, int, int]:
        report = json.loads(cli(*teach(pair_file, fake_server, *more)).out)
        return report["run_id"], report["n_calls"], fake_server.n_requests()

    first, n_calls, n_sent = run()
    fresh = run("--fresh")
    assert fresh[0] != first
    assert fresh[1:] == (0, n_sent)
    another, n_again, n_sent_again = run("--sample", 1)
    assert another not in {first, fresh[0]}
    assert (n_again, n_sent_again) == (n_calls, 2 * n_sent)
    assert run("--sample", 1)[::2] == (another, 2 * n_sent), "it is a run like others: repeated, it is resumed"
    assert run("--sample", 1, "--fresh")[2] == 2 * n_sent
    fake_server.script(replies=REPLIES, faults=["length"])
    failed = run("--sample", 2, "--limit", 1)
    assert "--sample" in cli("teach", "--help").out
    retried = json.loads(cli("runs", "retry", failed[0], "--failed", "--json").out)
    assert (retried["n_done"], retried["n_failed"]) == (1, 0)
    assert fake_server.n_requests() > 1, "trying again keeps to the sample, which the cache does not know"
