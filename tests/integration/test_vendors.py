"""The table of vendors' addresses and variables, held against litellm: where would its call have gone?"""

from __future__ import annotations

import asyncio

import pytest

from epm.egress import EgressPolicy, host_of
from epm.errors import EgressError
from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport
from epm.gateway.vendors import VENDORS, address_of
from epm.socket_guard import guard_sockets

pytestmark = pytest.mark.filterwarnings("ignore:Items? .* ReadOnly:UserWarning", "ignore:Items? .*`ReadOnly` qualifier:UserWarning")
ELSEWHERE = "http://moved.invalid/v1"
CASES = [
    *((provider, None) for provider, vendor in VENDORS.items() if vendor.address is not None and "localhost" not in vendor.address),
    *((provider, variable) for provider, vendor in VENDORS.items() for variable in vendor.variables),
]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "canary-key-1")
    monkeypatch.setenv("NO_PROXY", "*")
    for variable in (variable for vendor in VENDORS.values() for variable in vendor.variables):
        monkeypatch.delenv(variable, raising=False)


def settings(provider: str) -> ModelSettings:
    return ModelSettings(f"{provider}/m", api_key_env="OUR_KEY", api_version="2024-10-21" if provider == "azure" else None)


def refused(model: ModelSettings) -> str:
    """What the guard says of the only place that a call tried to reach."""
    request = ChatRequest({"model": model.name, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5})
    with guard_sockets(EgressPolicy(hosts=("nowhere.invalid",))), pytest.raises(EgressError) as caught:
        asyncio.run(LitellmTransport(model).send(request, timeout_s=5))
    return str(caught.value)


@pytest.mark.parametrize(("provider", "variable"), CASES)
def test_litellm_goes_where_the_table_says(provider: str, variable: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, ELSEWHERE)
    found = address_of(settings(provider))
    assert found is not None
    assert (found.variable, found.url == ELSEWHERE) == (variable, variable is not None)
    message = refused(settings(provider))
    assert f"refused to reach {host_of(found.url)!r}: [egress] hosts in epm.toml allows nowhere.invalid; nothing was sent there" in message
    assert "canary" not in message


@pytest.mark.parametrize("provider", [provider for provider, vendor in VENDORS.items() if len(vendor.variables) > 1])
def test_of_several_variables_litellm_takes_the_first(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = VENDORS[provider].variables
    monkeypatch.setenv(first, ELSEWHERE)
    for other in others:
        monkeypatch.setenv(other, "http://other.invalid/v1")
    assert "'moved.invalid'" in refused(settings(provider))


@pytest.mark.parametrize("proxy", ["http://10.9.9.9:81", "http://proxy.invalid:81"])
@pytest.mark.parametrize(("base", "variable"), [("http://127.0.0.1:9/v1", "HTTP_PROXY"), ("https://nowhere.invalid/v1", "HTTPS_PROXY")])
def test_a_proxy_is_refused_at_the_socket_by_name_and_by_number(
    proxy: str, base: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(variable, proxy)
    message = refused(ModelSettings("openai/m", api_base=base, api_key_env="OUR_KEY"))
    assert f"refused to reach {host_of(proxy)!r}" in message
