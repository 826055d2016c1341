"""A key in place of a variable's name, in an address or in a model's name is refused, and stands in no message."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from epm.errors import ConfigError
from epm.gateway.misplaced import is_variable_name, refuse_misplaced_keys
from epm.gateway.request import ModelSettings
from epm.gateway.secrets import without_secrets

KEYS = [
    "sk-proj-abc123def456ghi789", "gsk_abcdefghij0123456789", "AIzaSyA1234567890abcdefgh", "ghp_abcdefghijk0123456789", "xai-abcdefgh01234567",
    "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "hf_abcdefghijklmnopqrst", "AKIAIOSFODNN7EXAMPLE", "lsv2_pt_0123456789abcdef", "glpat-abcdefghij0123456",
]  # fmt: skip
NOT_NAMES = [
    "d41d8cd98f00b204e9800998ecf8427e",
    "D41D8CD98F00B204E9800998ECF8427E",
    "A1B2C3D4E5F6A7B8C9D0E1F2",
    "Zq7canaryKEY19Xv",
    "a b",
    "",
]


def refusal(**settings: str) -> str:
    with pytest.raises(ConfigError) as caught:
        ModelSettings(**{"name": "openai/gpt-4o-mini", **settings})
    return str(caught.value)


@pytest.mark.parametrize("setting", ["api_key_env", "azure_ad_token_env"])
@pytest.mark.parametrize("value", KEYS + NOT_NAMES)
def test_what_is_no_variable_name_is_refused_unshown(setting: str, value: str) -> None:
    message = refusal(**{setting: value})
    assert not value or value not in message
    assert setting in message


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "FAKE_KEY", "AZURE_OPENAI_KEY_2", "K", "MY_COMPANY_GATEWAY_KEY_PROD_EU_WEST_1"])
def test_a_plausible_name_is_taken_whether_it_is_set_or_not(name: str) -> None:
    assert ModelSettings("m", api_key_env=name).api_key_env == name


def test_any_name_of_a_variable_that_is_set_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_variable_name("openai.key")
    monkeypatch.setenv("openai.key", "x")
    assert is_variable_name("openai.key")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "place",
    [
        "https://{}@host/v1",
        "https://user:{}@host",
        "https://h/v1?api-key={}",
        "https://h/v1?x={}",
        "https://h/{}/v1",
        "{}",
        "https://h/v1#{}",
        "{}@h:80",
    ],
)
def test_a_key_in_an_address_is_refused_unshown(key: str, place: str) -> None:
    assert key not in refusal(api_base=place.format(key))


@pytest.mark.parametrize("query", ["key=abc", "api_key=abc", "subscription-key=1", "token=t", "sig=s", "password=p"])
def test_a_query_that_names_a_key_is_refused_whatever_its_value(query: str) -> None:
    refusal(api_base=f"https://h/v1?{query}")


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:8000/v1", "https://NAME.openai.azure.com", "https://h/v1?api-version=2024-10-21", "http://[::1]:80/v1", "localhost:8000",
        "https://api.cloudflare.com/client/v4/accounts/d41d8cd98f00b204e9800998ecf8427e/ai/v1", "https://sk-gateway.example/v1",
        "https://aiplatform.googleapis.com/v1/projects/my-project-123456/locations/us-central1",
    ],
)  # fmt: skip
def test_an_ordinary_address_is_taken(address: str) -> None:
    assert ModelSettings("m", api_base=address).api_base == address


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_place_of_a_model_is_refused_unshown(key: str) -> None:
    for settings in ({"name": key}, {"name": f"openai/{key}"}, {"base_model": key}, {"api_version": key}):
        assert key not in refusal(**settings)


def test_no_model_that_litellm_lists_is_taken_for_a_key() -> None:
    found = find_spec("litellm")
    assert found is not None
    assert found.submodule_search_locations is not None
    table = json.loads(
        (Path(found.submodule_search_locations[0]) / "model_prices_and_context_window_backup.json").read_text(encoding="utf-8")
    )
    assert len(table) > 1000
    for name in table:
        refuse_misplaced_keys({"name": name, "base_model": name})


def test_a_servers_words_are_cut_at_keys_of_every_known_form() -> None:
    for key in KEYS:
        assert key not in without_secrets(f"Incorrect key {key}.", None)
    said = without_secrets("POST https://user:hunter2@h/v1?api_key=abc&x=1 failed", None)
    assert said == "POST https://***@h/v1?api_key=***&x=1 failed"
