"""An Azure deployment on a real socket: route, version, key or Entra token, price of the base model, its content filter's class."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from epm.errors import ConfigError, ErrorClass, ModelError
from epm.gateway.chat_model import bound_chat_model
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings
from epm.gateway.structured import ask
from epm.session import open_session

SCOPE = CallScope("run", "item", "decide")
VERSION = "2024-10-21"


class Answer(BaseModel):
    label: str


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "canary-key-1")
    monkeypatch.setenv("OUR_TOKEN", "canary-token-1")
    monkeypatch.setenv("AZURE_API_KEY", "canary-elsewhere-1")
    monkeypatch.setenv("AZURE_AD_TOKEN", "canary-elsewhere-2")


def deployment(server: Any, **more: object) -> ModelSettings:
    base = server.url.removesuffix("/v1")
    return ModelSettings("azure/pairs-prod", api_base=base, api_version=VERSION, base_model="gpt-4o-mini", **more)  # type: ignore[arg-type]


def send(model: ModelSettings, text: str = "hello") -> ChatReply:
    body = {"model": model.name, "messages": [{"role": "user", "content": text}], "max_tokens": 5, "temperature": 0.0}
    with open_session(store=None, model=model) as session:
        return asyncio.run(session.gateway.send(ChatRequest(body), SCOPE))


def only_request(server: Any) -> dict[str, Any]:
    (seen,) = server.log()["requests"]
    return seen


def test_a_call_goes_to_the_deployment_with_its_version_and_the_named_key_alone(fake_server: Any) -> None:
    reply = send(deployment(fake_server, api_key_env="OUR_KEY"))
    seen = only_request(fake_server)
    assert seen["path"] == f"/openai/deployments/pairs-prod/chat/completions?api-version={VERSION}"
    assert (seen["api_key"], seen["authorization"]) == ("canary-key-1", None)
    assert reply.cost_usd == pytest.approx((reply.usage.prompt_tokens * 0.15 + reply.usage.completion_tokens * 0.60) / 1e6)


def test_an_entra_token_goes_out_in_place_of_a_key(fake_server: Any) -> None:
    send(deployment(fake_server, azure_ad_token_env="OUR_TOKEN"))
    seen = only_request(fake_server)
    assert (seen["api_key"], seen["authorization"]) == (None, "Bearer canary-token-1")


def test_without_a_named_variable_no_secret_of_the_environment_is_sent(fake_server: Any) -> None:
    send(deployment(fake_server))
    assert "canary" not in str(only_request(fake_server))


def test_structured_questions_and_tool_loops_reach_the_same_deployment_with_the_same_settings(fake_server: Any) -> None:
    def look_up(offer_id: str) -> str:
        """The price of an offer."""
        return offer_id

    model = deployment(fake_server, azure_ad_token_env="OUR_TOKEN")
    with open_session(store=None, model=model) as session:
        answered = asyncio.run(ask(session.gateway, model=model, system="s", user="u", response_model=Answer, task=None, scope=SCOPE))
        called = asyncio.run(bound_chat_model(session.gateway, model, SCOPE, None).bind_tools([look_up]).ainvoke("look it up"))
    assert answered.value.label == "some label"
    assert [call["name"] for call in called.tool_calls] == ["look_up"]
    requests = fake_server.log()["requests"]
    assert {request["path"] for request in requests} == {f"/openai/deployments/pairs-prod/chat/completions?api-version={VERSION}"}
    assert {request["authorization"] for request in requests} == {"Bearer canary-token-1"}
    assert [request["has_tools"] for request in requests] == [False, True]


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [("azure_filter_400", "content_filter"), ("400", "bad_request"), ("404", "bad_request"), ("context", "context_too_long")],
)
def test_what_a_deployment_refuses_has_its_class_and_is_asked_once(fake_server: Any, fault: str, error_class: str) -> None:
    fake_server.script(faults=[fault])
    with pytest.raises(ModelError) as caught:
        send(deployment(fake_server, api_key_env="OUR_KEY"))
    assert caught.value.error_class is ErrorClass(error_class)
    assert fake_server.n_requests() == 1


def test_retry_after_of_a_deployment_is_heeded(fake_server: Any) -> None:
    fake_server.script(faults=["429_retry_after"], retry_after="1")
    send(deployment(fake_server, api_key_env="OUR_KEY"))
    first, second = (request["at_s"] for request in fake_server.log()["requests"])
    assert second - first >= 1


def test_a_refused_token_stands_in_no_message(fake_server: Any) -> None:
    fake_server.script(faults=["401"])
    with pytest.raises(ConfigError, match="'auth'") as caught:
        send(deployment(fake_server, azure_ad_token_env="OUR_TOKEN"))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ModelSettings("azure/d", api_key_env="OUR_KEY"), r"https://NAME\.openai\.azure\.com"),
        (ModelSettings("azure/d", "http://localhost:9", "OUR_KEY", azure_ad_token_env="OUR_TOKEN"), "one opens the deployment"),
        (ModelSettings("azure/d", "http://localhost:9", "OUR_KEY"), r"API version 'azure/d' is asked is not known: give --api-version"),
        (
            ModelSettings("azure/d", "http://localhost:9", azure_ad_token_env="NOT_SET", api_version=VERSION),
            "'NOT_SET' is not set.*Entra token",
        ),
        (
            ModelSettings("openai/m", "http://localhost:9", azure_ad_token_env="OUR_TOKEN"),
            "--azure-ad-token-env is for models named azure/",
        ),
        (ModelSettings("openai/m", "http://localhost:9", api_version=VERSION), "--api-version is for models named azure/"),
    ],
)
def test_settings_that_cannot_open_a_deployment_are_refused_before_a_call(model: ModelSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message), open_session(store=None, model=model):
        pass
