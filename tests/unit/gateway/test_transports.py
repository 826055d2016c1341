from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from epm.errors import ConfigError, ErrorClass, ModelError
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, Task, TaskKind
from epm.gateway.transports.litellm import LitellmTransport
from epm.gateway.transports.model_error import class_of
from epm.gateway.transports.rules import RulesTransport, tool_results

SCOPE = CallScope(None, None, "decide")


def request(text: str, model: str = "m") -> ChatRequest:
    return ChatRequest({"model": model, "messages": [{"role": "user", "content": text}]})


def send(transport: Any, asked: ChatRequest) -> ChatReply:
    return asyncio.run(MeteredGateway(transport, None).send(asked, SCOPE))


def test_rules_refuses_a_free_prompt() -> None:
    with pytest.raises(ModelError, match="cannot answer free prompts") as caught:
        send(RulesTransport(), request("write a poem"))
    assert caught.value.error_class is ErrorClass.UNSUPPORTED


def test_rules_answers_a_typed_task_with_json_for_free() -> None:
    listing = {"id": "a", "title": "Kolvra KX-120 kettle black"}
    reply = send(RulesTransport(), ChatRequest(request("x").body, Task(TaskKind.EXTRACT, {"listing": listing})))
    assert isinstance(json.loads(reply.body["choices"][0]["message"]["content"]), dict)
    assert (reply.cost_usd, reply.usage.prompt_tokens, reply.usage.completion_tokens) == (0.0, 0, 0)


def test_tool_results_are_read_out_of_the_conversation_in_order() -> None:
    def call(number: int, query: str) -> dict:
        return {"id": f"call_{number}", "type": "function", "function": {"name": "search", "arguments": json.dumps({"q": query})}}

    messages = [
        {"role": "user", "content": "find"},
        {"role": "assistant", "content": None, "tool_calls": [call(1, "a"), call(2, "b")]},
        {"role": "tool", "tool_call_id": "call_2", "content": "B"},
        {"role": "tool", "tool_call_id": "call_1", "content": "A"},
    ]
    assert tool_results({"messages": messages}) == [
        {"name": "search", "arguments": {"q": "b"}, "content": "B"},
        {"name": "search", "arguments": {"q": "a"}, "content": "A"},
    ]


def test_a_key_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EPM_TEST_KEY", raising=False)
    with pytest.raises(ConfigError, match="EPM_TEST_KEY"):
        LitellmTransport(ModelSettings("openai/x", api_key_env="EPM_TEST_KEY"))


class InternalServerError(Exception):
    """Named as litellm's own, which is what the transport goes by."""


class APIConnectionError(Exception):
    """As above."""


class APIError(Exception):
    """As above."""

    status_code = 500


@pytest.mark.parametrize(
    "error",
    [
        InternalServerError("litellm.InternalServerError: OpenAIException - Missing credentials. Please pass an `api_key`, or set the"),
        APIConnectionError("litellm.APIConnectionError: Missing Gemini API key. Set the GEMINI_API_KEY or GOOGLE_API_KEY"),
        APIError("litellm.APIError: AzureException APIError - Missing credentials. Please pass one of `api_key`, `azure_ad_token`"),
    ],
)
def test_a_missing_key_is_a_lasting_failure_whatever_litellm_calls_it(error: Exception) -> None:
    assert class_of(error) is ErrorClass.AUTH
    assert class_of(type(error)("the connection broke")).is_retryable


def test_an_exception_outside_litellms_tree_is_a_bug() -> None:
    assert class_of(RuntimeError("boom")) is ErrorClass.BUG
