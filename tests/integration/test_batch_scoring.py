"""``epm judge score --batch`` on a real socket: each call once, at half the price, in ledger and cache, whatever happens."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from epm.cli.app import build_app
from epm.decision import Decision, Outcome
from epm.egress import EgressPolicy
from epm.errors import BudgetError, ConfigError, ErrorClass, RunStoppedError
from epm.gateway.bounds import Bounds
from epm.gateway.ledger import CallRecord
from epm.gateway.request import ModelSettings
from epm.judges.score import ScoreReport
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Rationale, Verdict
from epm.relation import Label, Relation
from epm.socket_guard import guard_sockets
from epm.store.purge import purge_listing
from epm.store.records import ItemResult, RunSpec
from epm.store.store import RunStore
from epm.sync import run_sync

# litellm builds a model lazily at its first call, and pydantic warns of it: as an error that would break the call itself
# nor does it close the clients that it makes for files and batches before they are collected
pytestmark = [
    pytest.mark.filterwarnings("ignore:Item 'summary' on TypedDict"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
N_PAIRS = 5
N_CALLS = 3 * N_PAIRS
JUDGES = ("core", "identifier", "variant")
GRADE = {"findings": [], "reason": "It holds.", "level": "sound"}
IN_USD, OUT_USD = 0.075e-6, 0.30e-6
"""What litellm's table lists for gpt-4o-mini in a batch: half of its price."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", "secret-canary-1")
    monkeypatch.setattr("epm.judges.batch_pass.FIRST_LOOK_S", 0.05)


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    unknown = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
    rationale = Rationale(core=unknown, identifier=unknown, variant=unknown, relation=Relation.DIFFERENT, factor=None, label=Label.NO_MATCH)
    with RunStore.open(tmp_path / "s.db") as store:
        run = store.begin(RunSpec("teach", "in", "m", "p", "rules", 0))
        for i in range(N_PAIRS):
            pair = Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} kettle"), Listing(f"r{i}", f"Kolvra KX-{200 + i} jug"))
            decided = Decision(pair.id, Outcome.DECIDED, label=Label.NO_MATCH, rationale=rationale)
            run_sync(store.finish_item(run.run_id, ItemResult(pair.id, pair, decided)))
        return run.run_id


@pytest.fixture
def score(tmp_path: Path, run_id: str, fake_server: Any) -> Callable[..., ScoreReport]:
    def scored(model: ModelSettings | None = None, **more: Any) -> ScoreReport:
        model = model or ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url, api_key_env="FAKE_KEY", timeout_s=3.0)
        return score_stored(
            run_id, ScoreOptions(**{"judges": JUDGES, "model": model, "store": str(tmp_path / "s.db"), "is_batch": True, **more})
        )

    return scored


def script(server: Any, **more: object) -> None:
    server.script(replies=[{"contains": "", "content": GRADE}], **more)


def ledger(tmp_path: Path, run_id: str) -> list[CallRecord]:
    with RunStore.open(tmp_path / "s.db") as store:
        return [call for call in store.calls(run_id) if not call.is_cached]


def rows(tmp_path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(tmp_path / "s.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_every_line_is_one_ledger_row_at_half_the_price_and_scoring_asks_nothing_more(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server)
    report = score()
    log, calls = fake_server.log(), ledger(tmp_path, run_id)
    assert log["n_requests"] == 0
    assert [report.judges[judge][judge].n_scored for judge in JUDGES] == [N_PAIRS] * 3
    assert sorted(call.key for call in calls) == sorted(line["key"] for line in log["lines"])
    assert len(calls) == N_CALLS
    for name in ("prompt_tokens", "completion_tokens"):
        assert sum(getattr(call.usage, name) for call in calls) == sum(line[name] for line in log["lines"])
    expected = sum(line["prompt_tokens"] * IN_USD + line["completion_tokens"] * OUT_USD for line in log["lines"])
    assert sum(call.cost_usd or 0.0 for call in calls) == pytest.approx(expected)
    assert report.cost_usd == pytest.approx(expected)
    assert report.batch is not None
    assert (report.batch.n_calls, report.batch.n_failed, report.batch.is_price_assumed) == (N_CALLS, 0, False)
    assert {(call.host, call.transport, call.scope.role.partition("/")[0]) for call in calls} == {
        (fake_server.url.removesuffix("/v1"), "litellm-batch", "judge")
    }
    assert all("title" in (call.sent or "") for call in calls)
    assert rows(tmp_path, "SELECT * FROM batch_lines") == []


def test_files_with_prompts_and_replies_are_deleted_at_the_vendor_and_results_read_once(
    score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server)
    score()
    log = fake_server.log()
    assert (log["files"], len(log["deleted"])) == ([], 2)
    assert sum(seen["method"] == "GET" and seen["path"].endswith("/content") for seen in log["admin"]) == 1
    assert {seen["authorization"] for seen in log["admin"]} == {"Bearer secret-canary-1"}


def test_a_line_holds_the_very_body_of_an_ordinary_call(score: Callable[..., ScoreReport], fake_server: Any, tmp_path: Path) -> None:
    script(fake_server, batch_end="expired")
    with pytest.raises(RunStoppedError):
        score()
    in_batch = {line["sha"] for line in fake_server.log()["lines"]}
    script(fake_server)
    score(is_batch=False)
    assert {request["sha"] for request in fake_server.log()["requests"]} == in_batch


def test_repeating_a_finished_scoring_makes_no_batch(score: Callable[..., ScoreReport], fake_server: Any) -> None:
    script(fake_server)
    score()
    assert (score().n_new, len(fake_server.log()["batches"])) == (0, 1)


def start(tmp_path: Path, url: str, run_id: str) -> subprocess.Popen[bytes]:
    worker = Path(__file__).parent / "batch_worker.py"
    return subprocess.Popen([sys.executable, str(worker), str(tmp_path / "s.db"), url, run_id], stderr=subprocess.DEVNULL)


def wait_for(check: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not check():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_command_killed_while_it_waits_is_resumed_without_a_second_submission(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, batch_looks=10**6)
    process = start(tmp_path, fake_server.url, run_id)
    wait_for(lambda: any(seen["path"].endswith("/batches/batch_1") for seen in fake_server.log()["admin"]))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert ledger(tmp_path, run_id) == []
    fake_server.release()
    report = score()
    log = fake_server.log()
    assert (len(log["batches"]), log["n_requests"], len(ledger(tmp_path, run_id))) == (1, 0, N_CALLS)
    assert sum(seen["method"] == "POST" and seen["path"].endswith("/files") for seen in log["admin"]) == 1
    assert report.judges["core"]["core"].n_scored == N_PAIRS


def test_a_batch_made_at_the_vendor_whose_id_never_came_back_is_found_and_not_made_again(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, admin_faults=["POST /batches reset"])
    score()
    log = fake_server.log()
    assert (len(log["batches"]), len(ledger(tmp_path, run_id))) == (1, N_CALLS)


def test_a_submission_that_surely_failed_is_made_again_from_the_same_file(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, admin_faults=["POST /batches 503"])
    score()
    log = fake_server.log()
    assert (len(log["batches"]), sum(seen["path"].endswith("/files") for seen in log["admin"])) == (1, 1)
    assert len(ledger(tmp_path, run_id)) == N_CALLS


def test_failed_lines_have_their_class_are_never_kept_and_are_asked_by_ordinary_calls(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, faults=["length", "500", "filter_400", "missing_line", "refusal", "content_filter", None, "429"])
    report = score()
    calls = ledger(tmp_path, run_id)
    in_batch = [call for call in calls if call.transport == "litellm-batch"]
    failed = sorted(call.error_class.value for call in in_batch if call.error_class)
    assert len(in_batch) == N_CALLS
    assert failed == sorted(["truncated", "overloaded", "content_filter", "invalid_structure", "refusal", "content_filter", "rate_limited"])
    assert fake_server.n_requests() == 7  # the truncated one among them: a kept truncation would have been served from the cache
    assert sorted(call.key for call in calls if call.transport == "litellm") == sorted(call.key for call in in_batch if call.error_class)
    assert sum(report.judges[judge][judge].n_scored for judge in JUDGES) == N_CALLS
    by_class = {call.error_class: call for call in in_batch}
    truncated, overloaded, lost = (by_class[ErrorClass(name)] for name in ("truncated", "overloaded", "invalid_structure"))
    assert (truncated.cost_usd or 0) > 0
    assert overloaded.cost_usd == 0
    assert lost.usage.is_estimated
    assert (lost.cost_usd or 0) > (truncated.cost_usd or 0)  # nobody knows what it was billed: its worst case


@pytest.mark.parametrize(
    ("end", "n_answered", "error_class"), [("expired", 4, "timeout"), ("cancelled", 4, "cancelled"), ("failed", 0, "bad_request")]
)
def test_a_batch_that_does_not_go_through_keeps_what_it_answered_and_asks_for_nothing_at_full_price(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any, end: str, n_answered: int, error_class: str
) -> None:
    script(fake_server, batch_end=end, batch_answered=n_answered)
    with pytest.raises(RunStoppedError, match=rf"batch_1 of run {run_id} {end}.*repeat the command.*leave out --batch"):
        score()
    calls = ledger(tmp_path, run_id)
    assert len(calls) == N_CALLS
    assert [call.error_class for call in calls].count(None) == n_answered
    assert {call.error_class for call in calls} - {None} == {ErrorClass(error_class)}
    assert sum(call.cost_usd or 0.0 for call in calls if call.error_class) == 0
    assert fake_server.n_requests() == 0
    script(fake_server)
    report = score()
    assert len(fake_server.log()["lines"]) == N_CALLS - n_answered
    assert sum(report.judges[judge][judge].n_scored for judge in JUDGES) == N_CALLS


def test_a_server_without_batches_is_refused_once_and_leaves_nothing_held(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, admin_faults=["POST /files 404"])
    with pytest.raises(RunStoppedError, match=r"refused \(bad_request\)"):
        score(bounds=Bounds(1.0, shared="spring"))
    assert rows(tmp_path, "SELECT charged_usd FROM budgets") == [(pytest.approx(0.0, abs=1e-12),)]
    assert {call.error_class for call in ledger(tmp_path, run_id)} == {ErrorClass.BAD_REQUEST}


@pytest.mark.parametrize("bounds", [Bounds(0.001), Bounds(max_tokens=20_000), Bounds(0.001, shared="spring")])
def test_a_cap_that_does_not_hold_the_whole_batch_refuses_it_before_anything_is_sent(
    tmp_path: Path, score: Callable[..., ScoreReport], fake_server: Any, bounds: Bounds
) -> None:
    script(fake_server)
    with pytest.raises(BudgetError, match=r"does not hold the batch.*15 calls.*--limit.*Nothing was sent"):
        score(bounds=bounds)
    assert fake_server.log()["admin"] == []
    assert rows(tmp_path, "SELECT * FROM batch_lines") == rows(tmp_path, "SELECT * FROM batches") == []
    assert rows(tmp_path, "SELECT charged_usd FROM budgets") == ([(0.0,)] if bounds.shared else [])


def test_a_shared_budget_ends_charged_with_what_the_calls_cost(tmp_path: Path, score: Callable[..., ScoreReport], fake_server: Any) -> None:
    script(fake_server)
    report = score(bounds=Bounds(1.0, shared="spring"))
    assert rows(tmp_path, "SELECT charged_usd FROM budgets") == [(pytest.approx(report.cost_usd),)]
    assert report.cost_usd > 0


def test_calls_that_wait_in_a_batch_count_against_the_caps_of_other_commands_and_are_told_of(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, batch_looks=10**6)
    process = start(tmp_path, fake_server.url, run_id)
    wait_for(lambda: len(fake_server.log()["batches"]) == 1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with RunStore.open(tmp_path / "s.db") as store:
        held = store.spent(run_id, None, judging=True)
        assert held.cost_usd > 0.003
        assert held.tokens > N_CALLS * 1500
        assert store.spent(run_id, None, judging=False).tokens == 0
    told: list[str] = []
    model = ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url, api_key_env="FAKE_KEY")
    options = ScoreOptions(model=model, store=str(tmp_path / "s.db"), judges=JUDGES, bounds=Bounds(held.cost_usd + 1e-6))
    with pytest.raises(BudgetError):
        score_stored(run_id, options, on_notice=told.append)
    assert told == ["15 calls of this run wait in batches and may be asked and paid twice; --batch waits for them instead"]


def test_a_purge_takes_the_prompts_of_waiting_calls_and_keeps_no_reply_to_them(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server, batch_looks=10**6)
    process = start(tmp_path, fake_server.url, run_id)
    wait_for(lambda: any(seen["path"].endswith("/batches/batch_1") for seen in fake_server.log()["admin"]))
    process.send_signal(signal.SIGKILL)
    process.wait()
    purge_listing(str(tmp_path / "s.db"), "l0", is_wanted=True)
    assert b"Kolvra KX-100" not in (tmp_path / "s.db").read_bytes()
    assert rows(tmp_path, "SELECT count(*) FROM batch_lines WHERE request_json IS NULL") == [(3,)]
    fake_server.release()
    score()
    asked = {line["key"] for line in fake_server.log()["lines"]}
    assert {call.key for call in ledger(tmp_path, run_id) if call.transport == "litellm-batch"} == asked
    assert rows(tmp_path, "SELECT count(*) FROM cache") == [(N_CALLS - 3,)]


def test_an_azure_deployment_gets_its_route_version_token_and_half_the_base_models_price(
    tmp_path: Path, run_id: str, score: Callable[..., ScoreReport], fake_server: Any
) -> None:
    script(fake_server)
    base = fake_server.url.removesuffix("/v1")
    report = score(
        ModelSettings("azure/pairs-prod", api_base=base, api_version="2024-10-21", base_model="gpt-4o-mini", azure_ad_token_env="FAKE_KEY")
    )
    log = fake_server.log()
    assert {(line["url"], line["model"]) for line in log["lines"]} == {("/chat/completions", "pairs-prod")}
    assert {seen["authorization"] for seen in log["admin"]} == {"Bearer secret-canary-1"}
    assert all(seen["path"].startswith("/openai/") and "api-version=2024-10-21" in seen["path"] for seen in log["admin"])
    expected = sum(line["prompt_tokens"] * IN_USD + line["completion_tokens"] * OUT_USD for line in log["lines"])
    assert report.cost_usd == pytest.approx(expected)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("anthropic/claude-3-5-haiku-latest", "litellm reads batches of Anthropic but cannot submit them"),
        ("hosted_vllm/m", "never tried"),
        ("rules", "never tried"),
    ],
)
def test_a_vendor_without_batches_is_refused_with_the_reason(score: Callable[..., ScoreReport], model: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        score(ModelSettings(model, api_base="http://127.0.0.1:9"))


def test_litellm_still_cannot_submit_a_batch_of_anthropic() -> None:
    """When this fails, litellm has learnt it: take Anthropic in."""
    import litellm

    with pytest.raises(litellm.BadRequestError, match="create_batch"):
        litellm.create_batch(
            completion_window="24h", endpoint="/v1/chat/completions", input_file_id="f", custom_llm_provider="anthropic", api_key="k",
            api_base="http://127.0.0.1:9",
        )  # fmt: skip


def test_local_only_refuses_a_batch_before_anything_is_looked_up(score: Callable[..., ScoreReport], fake_server: Any) -> None:
    with guard_sockets(EgressPolicy(is_local_only=True)), pytest.raises(ConfigError, match=r"api\.openai\.com"):
        score(ModelSettings("openai/gpt-4o-mini", api_key_env="FAKE_KEY"))


def test_the_command_previews_estimates_and_scores_by_batch_and_says_what_it_took(tmp_path: Path, run_id: str, fake_server: Any) -> None:
    script(fake_server)
    common = ("judge", "score", run_id, "--batch", "--json", "--store", str(tmp_path / "s.db"), "--judge", "core", "--judge", "variant")
    model = ("--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY")

    def invoke(*more: str) -> dict[str, Any]:
        done = CliRunner().invoke(build_app(), [*common, *model, *more], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert invoke("--dry-run")["n_items"] == N_PAIRS
    assert fake_server.log()["admin"] == []
    estimate = invoke("--estimate", "2")
    assert estimate["n_rest"] == 3
    assert estimate["cost_usd"]["value"] == pytest.approx(estimate["paid_usd"] / 2 * 3 / 2, rel=1e-6)
    report = invoke()
    assert report["batch"]["n_calls"] == 6
    assert report["cost_usd"] == pytest.approx(report["batch"]["cost_usd"])
