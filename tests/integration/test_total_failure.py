"""A command of which every item failed is no success: exit 2, and the first error is told, a user's own text included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from epm.cli.app import build_app
from epm.errors import ConfigError, ExitCode
from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

pytest.importorskip("chromadb")

N = 3
OWN_ERROR = "no such column: mpn in table 'offers'"
BROKEN = "python:rules.py:broken"
TEACH = ("teach", "pairs.jsonl", "--embedder", "hash")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_KEY", "secret-1")
    write_pairs(
        tmp_path / "pairs.jsonl",
        [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i}"), Listing(f"r{i}", f"Kolvra KX-{i}"), Label.MATCH) for i in range(N)],
    )
    rules = f'def broken(pair):\n    raise KeyError("{OWN_ERROR}")\n\ndef some(pair):\n    return 1 / int(pair["left"]["title"][-1]) > 0\n'
    (tmp_path / "rules.py").write_text(rules, encoding="utf-8")


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(build_app(), [*map(str, arguments)])


def refusal(*arguments: object) -> str:
    result = invoke(*arguments)
    assert isinstance(result.exception, ConfigError), (result.output, result.exception)
    assert result.exception.exit_code is ExitCode.USER_ERROR
    return str(result.exception)


@pytest.mark.parametrize(
    "command",
    [
        ("match", "pairs.jsonl", "--matcher", BROKEN),
        ("match", "pairs.jsonl", "--matcher", BROKEN, "-o", "out.jsonl"),
        ("audit", "pairs.jsonl", "--student", BROKEN, "--oracle", "evidence-rules"),
        ("audit", "pairs.jsonl", "--student", "evidence-rules", "--oracle", BROKEN),
        ("select", "pairs.jsonl", "--n", 1, "-o", "chosen.jsonl", "--matcher", BROKEN, "--matcher", "model-token"),
        ("compare", "Kolvra KX-1", "Kolvra KX-1", "--matcher", BROKEN),
        (*TEACH, "--matcher", BROKEN),
    ],
    ids=lambda command: " ".join(map(str, command[:4:3])),
)
def test_an_own_rule_that_always_fails_ends_with_exit_2_and_its_own_words(command: tuple[object, ...]) -> None:
    told = refusal(*command)
    assert OWN_ERROR in told
    assert "KeyError" in told
    if command[0] not in {"select", "compare"}:
        assert f"all {N} items failed (bug {N})" in told


@pytest.mark.parametrize("name", ["match", "audit"])
def test_one_decided_pair_is_a_result(name: str) -> None:
    options = (
        ("--matcher", "python:rules.py:some") if name == "match" else ("--student", "python:rules.py:some", "--oracle", "evidence-rules")
    )
    result = invoke(name, "pairs.jsonl", *options)
    assert result.exit_code == 0, result.output


def test_a_teacher_whose_model_always_refuses_tells_the_first_refusal(fake_server: Any) -> None:
    fake_server.script(faults=["filter_400"] * 50)
    told = refusal(*TEACH, "--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--concurrency", 1)
    assert f"all {N} items failed (content_filter {N})" in told
    assert "the first, 'p" in told
    assert "content management policy" in told


def judged(server: Any, *options: object) -> tuple[object, ...]:
    taught = invoke(*TEACH, "--json")
    assert taught.exit_code == 0, taught.output
    run_id = json.loads(taught.stdout)["run_id"]
    model = ("--model", "openai/gpt-4o-mini", "--api-base", server.url, "--api-key-env", "FAKE_KEY", "--concurrency", 1)
    return ("judge", "score", run_id, *(model if server.url else ()), *options)


def test_a_judge_that_scored_nothing_is_no_success_though_the_checks_scored(fake_server: Any) -> None:
    fake_server.script(faults=["filter_400"] * 50)
    told = refusal(*judged(fake_server, "--judge", "checks", "--judge", "core"))
    assert f"judge 'core' scored none of {N} rationales" in told
    assert "content_filter" in told
    assert "content management policy" in told


def test_a_judge_that_scored_one_is_a_result(fake_server: Any) -> None:
    fake_server.script(faults=["filter_400"] * (N - 1))
    result = invoke(*judged(fake_server, "--judge", "core"))
    assert result.exit_code == 0, result.output


def test_judges_without_a_model_are_left_out_unless_nothing_else_scored() -> None:
    class NoServer:
        url = ""

    command = judged(NoServer())
    assert invoke(*command).exit_code == 0
    told = refusal(*command, "--judge", "core")
    assert f"judge 'core' scored none of {N} rationales" in told
    assert "name it with --model" in told


def test_a_retry_of_which_everything_fails_again_tells_the_first_error(fake_server: Any) -> None:
    fake_server.script(faults=["filter_400"] * 100)
    asked = ("--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--concurrency", 1)
    refusal(*TEACH, *asked)
    run_id = json.loads(invoke("runs", "list", "--json").stdout)["runs"][0]["run_id"]
    told = refusal("runs", "retry", run_id, "--failed")
    assert f"all {N} items failed" in told
    assert f"'epm runs show {run_id}' gives an example" in told
