"""Every command that asks a model takes the same options, and they reach the settings of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from epm.cli.app import build_app
from epm.cli.asking import Asking, Endpoint
from epm.cli.money import Pricing
from epm.gateway.request import ModelSettings, StructuredMode

ENDPOINT = {"--api-base", "--api-key-env", "--api-version", "--azure-ad-token-env", "--reasoning-effort"}
CASSETTE = {"--record", "--replay"}
REPLY = {"--timeout-s", "--reply-tokens"}
ASKING = ENDPOINT | CASSETTE | REPLY | {"--structured", "--concurrency", "--item-timeout-s", "--rpm", "--tpm"}
PRICING = {"--price", "--base-model"}
CAPS = {"--max-cost-usd", "--max-tokens", "--max-item-cost-usd", "--budget"}
FORESIGHT = {"--dry-run", "--estimate"}
EXPECTED = {
    "teach": ASKING | PRICING | CAPS | FORESIGHT,
    "match": ASKING | PRICING | CAPS | FORESIGHT,
    "bench": ASKING | PRICING | CAPS | FORESIGHT,
    "audit": ASKING | PRICING | CAPS | FORESIGHT,
    "judge score": ASKING | PRICING | CAPS | FORESIGHT,
    "compare": ENDPOINT | CASSETTE | PRICING,
    "doctor": ENDPOINT | REPLY | PRICING,
    "runs retry": CAPS | {"--concurrency"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_command_that_asks_a_model_takes_the_shared_options(name: str) -> None:
    command: Any = typer.main.get_command(build_app())
    for part in name.split():
        command = command.commands[part]
    offered = {option for parameter in command.params for option in parameter.opts}
    assert (EXPECTED[name] | {"--local-only", "--json"}) - offered == set()


def test_what_was_said_reaches_the_models_settings() -> None:
    asking = Asking(
        "http://h:1", "KEY", structured=StructuredMode.MD_JSON, concurrency=3, reply_tokens=77, timeout_s=240.0, item_timeout_s=9.0, rpm=600, tpm=9000,
    )  # fmt: skip
    expected = ModelSettings(
        "openai/m", "http://h:1", "KEY", max_tokens=77, timeout_s=240.0, structured=StructuredMode.MD_JSON, item_timeout_s=9.0, rpm=600, tpm=9000,
    )  # fmt: skip
    assert asking.settings("openai/m") == expected
    replayed = Asking(replay=Path("/c.jsonl")).settings("openai/m")
    assert replayed == ModelSettings("openai/m", replay="/c.jsonl")
    azure = Endpoint("https://n.openai.azure.com", api_version="2024-10-21", azure_ad_token_env="TOKEN")
    priced = Pricing(base_model="gpt-4o-mini").priced(azure.settings("azure/d"))
    assert priced == ModelSettings(
        "azure/d", "https://n.openai.azure.com", base_model="gpt-4o-mini", api_version="2024-10-21", azure_ad_token_env="TOKEN"
    )


def test_the_effort_of_thinking_reaches_the_model() -> None:
    assert Asking(reasoning_effort="low").settings("openai/m").reasoning_effort == "low"
