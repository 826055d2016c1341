"""``--model @NAME`` against a server on a real socket: what is sent, what is kept, and that a new name pays for nothing twice."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from epm.cli.app import build_app
from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

SAME = {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"}
SILENT = {"comparisons": [], "verdict": "unknown"}
GOOD = {"core": SAME, "identifier": SILENT, "variant": SILENT, "relation": "exact", "factor": None, "label": "match", "confidence": "high"}
REPLIES = [
    {"contains": "Compare the left and the right", "content": GOOD},
    {"contains": "Say only whether", "content": {"label": "match"}},
]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_server: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHEAP_KEY", "secret-1")
    fake_server.script(replies=REPLIES, keep_bodies=True)
    write_pairs(
        tmp_path / "pairs.jsonl",
        [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i}"), Listing(f"r{i}", f"Kolvra KX-{i}"), Label.MATCH) for i in range(2)],
    )


def name_profile(name: str, url: str, **more: str) -> None:
    settings = {"model": "openai/gpt-4o-mini", "api_base": url, "api_key_env": "CHEAP_KEY", "price": "0.15,0.60", **more}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    Path("epm.toml").write_text(f"[models.{name}]\n{lines}", encoding="utf-8")


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(build_app(), list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_run_holds_what_its_profile_stood_for_so_another_name_pays_for_nothing_twice(fake_server: Any) -> None:
    name_profile("cheap-and-nice", fake_server.url)
    first = run("teach", "pairs.jsonl", "--model", "@cheap-and-nice", "--embedder", "hash", "--json")
    n_paid = fake_server.n_requests()
    assert (first["n_failed"], n_paid > 0, first["cost_usd"] > 0) == (0, True, True)

    name_profile("thrifty", fake_server.url)
    renamed = run("teach", "pairs.jsonl", "--model", "@thrifty", "--embedder", "hash", "--json")
    assert (renamed["run_id"], renamed["n_new"], fake_server.n_requests()) == (first["run_id"], 0, n_paid)
    spelt = ["--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "CHEAP_KEY", "--price", "0.15,0.60"]
    assert run("teach", "pairs.jsonl", *spelt, "--embedder", "hash", "--json")["run_id"] == first["run_id"]
    assert fake_server.n_requests() == n_paid

    with sqlite3.connect(".epm/store.db") as store:
        kept = "\n".join(store.iterdump())
    assert "cheap-and-nice" not in kept
    assert "thrifty" not in kept


def test_an_option_beside_the_profile_wins_in_what_is_sent(fake_server: Any) -> None:
    name_profile("cheap", fake_server.url, model="openai/gpt-5-mini", reasoning_effort="low")
    for effort, options in (("low", []), ("high", ["--reasoning-effort", "high"])):
        fake_server.script(replies=REPLIES, keep_bodies=True)
        run("match", "pairs.jsonl", "--matcher", "zero-shot", "--model", "@cheap", *options, "-o", f"{effort}.jsonl", "--json")
        assert {request["body"].get("reasoning_effort") for request in fake_server.log()["requests"]} == {effort}


def test_rows_of_a_bench_file_name_profiles_and_share_nothing_of_each_other(fake_server: Any) -> None:
    name_profile("cheap", fake_server.url)
    Path("bench.toml").write_text(
        f"""
        [[row]]
        matcher = "zero-shot"
        model = "@cheap"
        [[row]]
        matcher = "cot"
        model = "openai/gpt-4o"
        api_base = "{fake_server.url}"
        """,
        encoding="utf-8",
    )
    rows = run("bench", "pairs.jsonl", "--plan", "bench.toml", "--model", "@cheap", "--json")["rows"]
    assert [row["matcher"] for row in rows] == ["zero-shot[openai/gpt-4o-mini]", "cot[openai/gpt-4o]"]
    assert "@" not in json.dumps(rows)
    sent = {(request["model"], request["authorization"]) for request in fake_server.log()["requests"]}
    assert sent == {("gpt-4o-mini", "Bearer secret-1"), ("gpt-4o", "Bearer not-needed")}


def test_doctor_and_compare_ask_the_profiles_model(fake_server: Any) -> None:
    name_profile("cheap", fake_server.url)
    CliRunner().invoke(build_app(), ["doctor", "--model", "@cheap"])
    assert fake_server.n_requests() > 0
    fake_server.script(replies=REPLIES)
    assert run("compare", "Kolvra KX-1", "Kolvra KX-1", "--matcher", "zero-shot", "--model", "@cheap", "--json")["label"] == "match"
    assert fake_server.n_requests() == 1
