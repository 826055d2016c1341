"""``epm doctor`` against a server on a real socket."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from epm.cli.app import build_app
from epm.errors import ConfigError

GOOD = [
    {"contains": "the value must be 2", "content": {"value": 2}},
    {"contains": "Answer with the value 1", "content": {"value": 1}},
    {"contains": "colour included", "content": {"reason": "the colours differ", "label": "no_match"}},
]


def doctor(server: Any, *options: str) -> Any:
    return CliRunner().invoke(build_app(), ["doctor", "--model", "openai/gpt-4o-mini", "--api-base", server.url, *options])


def test_a_good_model_passes_every_probe_and_is_told_its_mode(fake_server: Any) -> None:
    fake_server.script(replies=GOOD)
    result = doctor(fake_server)
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.stdout
    assert "the correction was taken" in result.stdout
    assert "called look_up with" in result.stdout
    assert result.stdout.rstrip().endswith("use: --structured json-schema")
    assert "ok    strict schema: taken" in result.stdout
    assert fake_server.n_requests() == 5  # two modes, an answer and its repair, a tool call


def test_a_server_that_refuses_schemas_is_told_the_other_mode(fake_server: Any) -> None:
    fake_server.script(replies=GOOD, faults=["400"])
    result = doctor(fake_server, "--json")
    found = json.loads(result.stdout)
    assert (found["is_usable"], found["structured"]) == (True, "md-json")
    first = found["checks"][0]
    assert not first["is_ok"]
    assert first["detail"].startswith("bad_request: ")
    assert first["remedy"]


def test_a_server_that_takes_no_strict_schema_is_told_and_used_without(fake_server: Any) -> None:
    fake_server.script(replies=GOOD, faults=["strict_400"])
    command = ["doctor", "--model", "openai/takes-no-strict", "--api-base", fake_server.url, "--json"]
    found = json.loads(CliRunner().invoke(build_app(), command).stdout)
    checks = {check["name"]: check for check in found["checks"]}
    assert (found["structured"], checks["strict schema"]["is_ok"]) == ("json-schema", False)
    assert checks["strict schema"]["detail"].startswith("refused: ")
    assert checks["strict schema"]["remedy"]


def test_a_model_that_never_fits_is_refused_with_its_class(fake_server: Any) -> None:
    fake_server.script(replies=[{"contains": "", "content": "I think they differ."}])
    result = doctor(fake_server)
    assert isinstance(result.exception, ConfigError)
    assert "invalid_structure" in result.stdout
    assert "use:" not in result.stdout


def test_a_wrong_key_is_said_and_never_shown(fake_server: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("DOCTOR_KEY", "sk-canary-doctor-777")
    fake_server.script(faults=["401"] * 10)
    result = doctor(fake_server, "--api-key-env", "DOCTOR_KEY")
    assert isinstance(result.exception, ConfigError)
    assert "auth: " in result.stdout
    assert "--api-key-env" in result.stdout
    assert "canary-doctor" not in result.output + str(result.exception)


def test_missing_token_counts_and_prices_come_with_a_remedy(fake_server: Any) -> None:
    fake_server.script(replies=GOOD, faults=[None, None, None, None, "missing_usage"])
    found = json.loads(
        CliRunner().invoke(build_app(), ["doctor", "--model", "openai/nobody-knows-this", "--api-base", fake_server.url, "--json"]).stdout
    )
    remedies = {check["name"]: check["remedy"] for check in found["checks"]}
    assert "rough" in remedies["token counts"]
    assert "--price" in remedies["price"]
