"""To whom a model's prompts would go: the address given, the environment's, the vendor's, and the proxy on the way."""

from __future__ import annotations

import pytest

from epm.egress import OPEN, EgressPolicy
from epm.errors import ConfigError
from epm.gateway.destination import egress_for
from epm.gateway.request import ModelSettings
from epm.gateway.vendors import VENDORS

OPENAI = ModelSettings("openai/gpt-4o-mini")
LOCAL_SERVER = ModelSettings("openai/m", api_base="http://localhost:8000/v1")
LISTED = EgressPolicy(hosts=("api.openai.com",))
LOCAL_ONLY = EgressPolicy(is_local_only=True)
FIELDS = EgressPolicy(fields=frozenset({"title"}))


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = [f"{name}_proxy" for name in ("http", "https", "all", "no")]
    for name in (*proxies, *map(str.upper, proxies), *(variable for vendor in VENDORS.values() for variable in vendor.variables)):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
@pytest.mark.parametrize("base", ["http://10.9.9.9:81/v1", "https://models.internal/v1", "10.9.9.9:81"])
@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "gpt-4o-mini"])
def test_an_address_in_the_environment_counts_for_the_list_of_hosts(
    variable: str, base: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert egress_for(ModelSettings(name), LISTED) == LISTED
    monkeypatch.setenv(variable, base)
    with pytest.raises(ConfigError, match=rf"by {variable} of the environment, is at '(10\.9\.9\.9|models\.internal)'"):
        egress_for(ModelSettings(name), LISTED)
    assert egress_for(ModelSettings(name, api_base="https://api.openai.com/v1"), LISTED) == LISTED  # the address given holds


def test_of_two_variables_the_one_that_litellm_reads_first_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", "http://localhost:1/v1")
    assert egress_for(OPENAI, LOCAL_ONLY) == OPEN
    monkeypatch.setenv("OPENAI_BASE_URL", "http://10.9.9.9/v1")
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL"):
        egress_for(OPENAI, LOCAL_ONLY)


@pytest.mark.parametrize("provider", VENDORS)
def test_every_vendor_that_the_environment_moves_is_refused_there(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VENDORS[provider].variables:
        monkeypatch.setenv(variable, "http://10.9.9.9/v1")
        with pytest.raises(ConfigError, match=rf"{variable} .*'10\.9\.9\.9'"):
            egress_for(ModelSettings(f"{provider}/m"), LOCAL_ONLY)
        monkeypatch.delenv(variable)


def test_hidden_fields_stay_hidden_when_the_environment_moves_a_local_model_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert egress_for(ModelSettings("ollama/llama3.1"), FIELDS) == OPEN
    monkeypatch.setenv("OLLAMA_API_BASE", "https://ollama.example")
    assert egress_for(ModelSettings("ollama/llama3.1"), FIELDS) == FIELDS


@pytest.mark.parametrize("name", ["claude-3-5-haiku-latest", "unheard-of/m", "azure/d"])
def test_a_model_that_is_served_no_one_knows_where_is_refused_where_only_some_hosts_may_be_reached(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1")
    for policy in (LISTED, LOCAL_ONLY):
        with pytest.raises(ConfigError, match=r"is not known.*--api-base"):
            egress_for(ModelSettings(name), policy)
    assert egress_for(ModelSettings(name), FIELDS) == FIELDS


@pytest.mark.parametrize("proxy", ["http://10.9.9.9:3128", "http://proxy.corp:3128", "proxy.corp:3128", "http://u:p@10.9.9.9:1"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_on_the_way_must_be_allowed_too(proxy: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigError, match=r"the proxy of the environment .*'(10\.9\.9\.9|proxy\.corp)'.*allows api\.openai\.com") as caught:
        egress_for(OPENAI, LISTED)
    assert "u:p" not in str(caught.value)
    allowed = EgressPolicy(hosts=("api.openai.com", "10.9.9.9", "proxy.corp"))
    assert egress_for(OPENAI, allowed) == allowed
    monkeypatch.setenv("NO_PROXY", "api.openai.com")
    assert egress_for(OPENAI, LISTED) == LISTED


def test_a_local_server_behind_a_proxy_elsewhere_is_not_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://10.9.9.9:3128")
    with pytest.raises(ConfigError, match=r"'10\.9\.9\.9'"):
        egress_for(LOCAL_SERVER, LOCAL_ONLY)
    assert egress_for(LOCAL_SERVER, FIELDS) == FIELDS
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    assert egress_for(LOCAL_SERVER, LOCAL_ONLY) == OPEN
    assert egress_for(LOCAL_SERVER, FIELDS) == OPEN


def test_a_proxy_on_this_machine_hides_no_field_from_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert egress_for(OPENAI, FIELDS) == FIELDS


@pytest.mark.parametrize("model", [ModelSettings("rules"), ModelSettings("replay:c.jsonl"), ModelSettings("openai/m", replay="c.jsonl")])
def test_what_answers_in_the_process_is_local_whatever_the_environment_says(model: ModelSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://10.9.9.9")
    monkeypatch.setenv("ALL_PROXY", "http://10.9.9.9")
    assert egress_for(model, LOCAL_ONLY) == OPEN
