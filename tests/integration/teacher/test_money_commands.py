"""Money as a user bounds it: caps, shared budgets, prices, dry runs and estimates of the paying commands, against a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.store.store import RunStore

pytest.importorskip("chromadb")

N = 12
CALLS_EACH = 3  # ask, decide, verify
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"},
    "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip
REPLIES = [
    {"contains": "Compare the left and the right", "content": RATIONALE},
    {"contains": "Grade the core axis", "content": {"findings": [], "reason": "fine", "level": "sound"}},
]
UNLISTED = "openai/our-own-model"


Cli = Callable[..., Any]


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    names = ["kettle", "toaster", "drill", "lamp"]
    pairs = [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} {names[i % 4]}"), Listing(f"r{i}", f"{names[i % 4]} Kolvra KX{100 + i}"))
        for i in range(N)
    ]
    write_pairs(path, pairs)
    return path


def teach(pair_file: Path, fake_server, *more: object, price: str | None = "10,10", concurrency: int = 4) -> list[object]:
    priced = [] if price is None else ["--price", price]
    return [
        "teach", pair_file, "--model", UNLISTED, "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--embedder", "hash",
        "--concurrency", concurrency, *priced, *more, "--json",
    ]  # fmt: skip


def stored(run_id: str | None = None):
    with RunStore.open(".epm/store.db") as store:
        return store.run_summary(run_id or store.runs()[0].run_id)


def test_a_capped_run_drains_exits_3_and_goes_on_under_a_larger_cap(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES, latency_s=0.01)
    capped = cli(*teach(pair_file, fake_server, "--max-cost-usd", 0.15))
    assert (capped.code, capped.out) == (3, "")
    assert "the cap of this run is reached" in capped.err
    first = stored()
    assert (first.run.status, first.n_failed) == ("budget", 0)
    assert 0 < first.n_done < N
    assert 0.05 < first.cost_usd <= 0.15
    again = cli(*teach(pair_file, fake_server, "--max-cost-usd", 0.15))
    assert again.code == 3, "what the run spent before counts"
    before = stored()
    assert before.cost_usd <= 0.15
    resumed = cli(*teach(pair_file, fake_server, "--max-cost-usd", 9))
    assert resumed.code == 0, resumed.err
    assert f"resuming, {before.n_done} of {N} done\n" in resumed.err
    report = json.loads(resumed.out)
    assert (report["run_id"], report["n_decided"]) == (first.run.run_id, N)
    assert fake_server.n_requests() == N * CALLS_EACH
    assert stored().run.status == "done"


def test_a_cap_on_tokens_needs_no_price_and_a_price_of_zero_is_free(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    capped = cli(*teach(pair_file, fake_server, "--max-tokens", 15_000, price=None))
    assert capped.code == 3
    assert "of 15,000 tokens spent" in capped.err
    log = fake_server.log()
    assert 0 < log["prompt_tokens"] + log["completion_tokens"] <= 15_000
    free = cli(*teach(pair_file, fake_server, "--max-cost-usd", 0, price="0,0"))
    assert free.code == 0, free.err
    assert json.loads(free.out)["n_decided"] == N


@pytest.mark.parametrize(
    "bound", [("--max-cost-usd", 5), ("--max-item-cost-usd", 1), ("--budget", "b", "--max-cost-usd", 5), ("--estimate", 4)]
)
def test_money_at_an_unknown_price_is_refused_before_anything_is_sent(cli: Cli, pair_file: Path, fake_server, bound: tuple) -> None:
    for command in (
        teach(pair_file, fake_server, *bound, price=None),
        ["match", pair_file, "--matcher", f"multi-agent-rag:{UNLISTED}", "--api-base", fake_server.url, *bound],
        ["judge", "score", "any", "--model", UNLISTED, "--api-base", fake_server.url, *bound],
    ):
        refused = cli(*command)
        assert (refused.code, refused.out) == (2, "")
        assert "--price IN,OUT" in refused.err
        assert "--base-model" in refused.err
    assert fake_server.n_requests() == 0


def test_an_unknown_price_without_a_bound_is_told_once_and_flagged(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    done = cli(*teach(pair_file, fake_server, "--limit", 2, price=None))
    assert done.code == 0, done.err
    assert done.err.count("price of model 'openai/our-own-model' is unknown") == 1
    assert json.loads(done.out)["n_unpriced"] == 2 * CALLS_EACH


def test_a_base_model_gives_a_deployment_its_price(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    done = cli(*teach(pair_file, fake_server, "--limit", 2, "--base-model", "gpt-4o-mini", "--max-cost-usd", 1, price=None))
    assert done.code == 0, done.err
    log, report = fake_server.log(), json.loads(done.out)
    assert report["n_unpriced"] == 0
    assert report["cost_usd"] == pytest.approx((log["prompt_tokens"] * 0.15 + log["completion_tokens"] * 0.6) / 1e6)


def test_an_item_over_its_cap_fails_with_class_budget_and_the_run_goes_on(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    dear = pair_file.read_text().splitlines()
    row = json.loads(dear[3])
    row["left"]["description"] = "long words " * 180
    pair_file.write_text("\n".join([*dear[:3], json.dumps(row), *dear[4:]]))
    done = cli(*teach(pair_file, fake_server, "--max-item-cost-usd", 0.09))
    report = json.loads(done.out)
    assert (done.code, report["n_decided"], report["failed_by_class"]) == (0, N - 1, {"budget": 1})
    raised = json.loads(cli(*teach(pair_file, fake_server, "--max-item-cost-usd", 2)).out)
    assert (raised["run_id"], raised["n_decided"], raised["n_new"]) == (report["run_id"], N, 1)


def test_a_dry_run_shows_the_prompt_of_every_role_with_tokens_and_sends_nothing_without_any_key(
    cli: Cli, pair_file: Path, fake_server, monkeypatch
) -> None:
    monkeypatch.delenv("FAKE_KEY")
    shown = cli(*teach(pair_file, fake_server, "--dry-run", price=None))
    assert shown.code == 0, shown.err
    preview = json.loads(shown.out)
    assert preview["n_items"] == N
    filled = [prompt for prompt in preview["prompts"] if prompt["item_id"] is not None]
    steps = ("teacher/ask", "teacher/decide", "teacher/verify")
    assert {(prompt["item_id"], prompt["role"]) for prompt in filled} == {(item, role) for item in ("p0", "p1", "p2") for role in steps}
    unfilled = {prompt["role"] for prompt in preview["prompts"] if prompt["item_id"] is None}
    assert unfilled == {f"teacher/{role}" for role in ("extract", "sufficient", "research", "decide_repair")}
    assert all(prompt["n_tokens"] > 100 for prompt in preview["prompts"])
    for prompt in filled:
        assert prompt["model"] == UNLISTED
        assert "KX-10" in prompt["user"]
        assert prompt["system"]
        assert prompt["schema"]["type"] == "object"
    text = cli("match", pair_file, "--matcher", "multi-agent-rag", "--model", UNLISTED, "--api-base", fake_server.url, "--dry-run")
    assert text.out.count("--- item p0") == 3
    assert text.out.count("--- no item, unfilled") == 4
    assert "\nteacher/decide: asked in 3 of these items, about " in text.out
    assert text.out.endswith(f"dry run: {N} items would run, the prompts of 3 looked at; nothing was sent\n")
    assert fake_server.n_requests() == 0
    with RunStore.open(".epm/store.db") as store:
        assert store.runs() == []


def test_an_estimate_runs_a_sample_that_the_run_does_not_pay_again(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    estimated = cli(*teach(pair_file, fake_server, "--estimate", 5, "--max-cost-usd", 0.17))
    assert estimated.code == 0, estimated.err
    found = json.loads(estimated.out)
    assert (found["n_sampled"], found["n_rest"], found["is_cut"]) == (5, N - 5, False)
    assert found["calls"] == {"value": 21.0, "low": 21.0, "high": 21.0}
    assert fake_server.n_requests() == 5 * CALLS_EACH
    assert stored().run.status == "interrupted"
    assert found["paid_usd"] == pytest.approx(stored().cost_usd)
    assert found["left_usd"] == pytest.approx(0.17 - found["paid_usd"])
    more = json.loads(cli(*teach(pair_file, fake_server, "--estimate", 2)).out)
    assert (more["n_sampled"], more["n_rest"], more["left_usd"]) == (2, N - 7, None), "it goes on in the same run, with items of its own"
    done = cli(*teach(pair_file, fake_server))
    assert f"resuming, 7 of {N} done" in done.err
    assert fake_server.n_requests() == N * CALLS_EACH
    rest_usd = stored().cost_usd - found["paid_usd"]
    assert found["cost_usd"]["value"] == pytest.approx(rest_usd, rel=0.1)
    assert found["affordable"]["value"] == N - 5, "more than the rest cannot be bought"


def test_an_estimate_spends_at_most_half_a_dollar(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    estimated = cli(*teach(pair_file, fake_server, "--estimate", N, price="30,30", concurrency=1))
    assert estimated.code == 0, estimated.err
    found = json.loads(estimated.out)
    assert found["is_cut"]
    assert 2 <= found["n_sampled"] < N == found["n_wanted"]
    assert 0.1 < stored().cost_usd <= 0.5


def test_estimates_of_matching_are_kept_in_the_cache_and_tell_the_same_when_repeated(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    command = [
        "match",
        pair_file,
        "--matcher",
        "multi-agent-rag",
        "--model",
        UNLISTED,
        "--api-base",
        fake_server.url,
        "--price",
        "10,10",
        "--json",
    ]
    first, second = (json.loads(cli(*command, "--estimate", 4).out) for _ in range(2))
    assert fake_server.n_requests() == 4 * CALLS_EACH
    assert (first["n_rest"], second["paid_usd"]) == (N - 4, 0.0)
    assert second["cost_usd"] == first["cost_usd"]
    assert first["cost_usd"]["value"] > 0
    capped = cli(*command, "-o", "out.jsonl", "--max-cost-usd", 0.11)
    assert (capped.code, capped.out) == (3, "")
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert 0 < len(rows) < N
    assert all(row["label"] == "match" for row in rows)
    assert [row["pair_id"] for row in rows] == sorted((row["pair_id"] for row in rows), key=lambda name: int(name[1:]))
    assert (
        f"epm: {len(rows)} of {N} pairs decided, and these alone written to 'out.jsonl'; the cap of this command is reached" in capped.err
    )
    assert "repeat it with a larger --max-cost-usd: what it was answered is kept" in capped.err
    assert f"multi-agent-rag: {len(rows)}/{N}" in capped.err
    unnamed = cli(*command[:-1], "--max-cost-usd", 0)
    assert (unnamed.code, unnamed.out) == (3, "")
    assert f"{len(rows)} of {N} pairs decided, none printed" in unnamed.err


def test_one_budget_is_shared_by_teaching_and_judging(cli: Cli, pair_file: Path, fake_server) -> None:
    fake_server.script(replies=REPLIES)
    taught = cli(*teach(pair_file, fake_server, "--budget", "spring", "--max-cost-usd", 1, "--limit", 4))
    assert taught.code == 0, taught.err
    summary = stored()
    run_id, taught_usd = summary.run.run_id, summary.cost_usd
    with RunStore.open(".epm/store.db") as store:
        assert store.budget("spring", None).left_usd() == pytest.approx(1 - taught_usd)
    score = ["judge", "score", run_id, "--judge", "core", "--model", UNLISTED, "--api-base", fake_server.url, "--price", "10,10"]
    estimated = json.loads(cli(*score, "--budget", "spring", "--estimate", 2, "--json").out)
    assert (estimated["n_sampled"], estimated["n_rest"], estimated["calls"]["value"]) == (2, 2, 2.0)
    assert estimated["left_usd"] == pytest.approx(1 - taught_usd - estimated["paid_usd"])
    refused = cli(*score, "--budget", "spring", "--max-cost-usd", taught_usd)
    assert refused.code == 3
    assert "the budget 'spring' is reached" in refused.err
    judged = cli(*score, "--budget", "spring", "--max-cost-usd", 1)
    assert judged.code == 0, judged.err
    assert fake_server.n_requests() == 4 * CALLS_EACH + 4
    with RunStore.open(".epm/store.db") as store:
        assert store.budget("spring", None).left_usd() == pytest.approx(1 - stored(run_id).cost_usd)


def test_every_paying_command_has_the_same_money_options(cli: Cli) -> None:
    wanted = ("--max-cost-usd", "--max-tokens", "--max-item-cost-usd", "--budget", "--price", "--base-model", "--dry-run", "--estimate")
    for command in (("teach",), ("judge", "score"), ("match",), ("bench",), ("audit",)):
        shown = cli(*command, "--help").out
        assert [name for name in wanted if name not in shown] == [], command


def test_bench_and_audit_estimate_all_their_matchers_together(cli: Cli, fake_server) -> None:
    pairs = Path("labelled.jsonl")
    rows = [{"left": {"title": f"Kolvra KX-{i}"}, "right": {"title": f"KX{i} Kolvra"}, "label": i % 2} for i in range(6)]
    pairs.write_text("\n".join(json.dumps({"id": f"q{i}", **row}) for i, row in enumerate(rows)))
    fake_server.script(replies=REPLIES)
    model = ["--model", UNLISTED, "--api-base", fake_server.url, "--price", "1,1", "--estimate", 3, "--json"]
    benched = json.loads(cli("bench", pairs, "--matcher", "evidence-rules", "--matcher", "multi-agent-rag", *model).out)
    audited = json.loads(cli("audit", pairs, "--student", "evidence-rules", "--oracle", "multi-agent-rag", *model).out)
    assert (benched["n_sampled"], benched["n_rest"], audited["paid_usd"]) == (3, 3, 0.0)
    assert benched["calls"]["value"] == fake_server.n_requests() > 0, "as many items are left as were sampled"
    assert audited["cost_usd"] == benched["cost_usd"]
