"""The gateway over litellm against a real socket: what the ledger says is what the server saw."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from epm.errors import ConfigError, ErrorClass, ModelError, RunStoppedError
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.gateway.structured import StructuredReply, ask
from epm.gateway.transports.litellm import LitellmTransport
from epm.session import open_session

SCOPE = CallScope("run", "item", "decide")


class Verdict(BaseModel):
    reason: str
    is_match: bool


def settings(server: Any, **changes: Any) -> ModelSettings:
    return ModelSettings(**{"name": "openai/gpt-4o-mini", "api_base": server.url, "timeout_s": 30.0, **changes})


def gateway_to(server: Any, *, timeout_s: float = 30.0, **changes: Any) -> MeteredGateway:
    return MeteredGateway(LitellmTransport(settings(server, **changes)), None, backoff_s=0.001, timeout_s=timeout_s)


def request(text: str = "hello", **more: Any) -> ChatRequest:
    return ChatRequest({"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more})


def ledger(gateway: MeteredGateway) -> list:
    assert isinstance(gateway.log, MemoryCallLog)
    return list(gateway.log.calls)


def failure(gateway: MeteredGateway) -> ModelError:
    with pytest.raises(ModelError) as caught:
        asyncio.run(gateway.send(request(), SCOPE))
    return caught.value


def test_a_reply_brings_its_tokens_its_price_and_the_model_that_answered(fake_server: Any) -> None:
    reply = asyncio.run(gateway_to(fake_server).send(request(), SCOPE))
    log = fake_server.log()
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (log["prompt_tokens"], log["completion_tokens"])
    assert reply.usage.is_estimated is False
    assert reply.model == "gpt-4o-mini"
    assert reply.cost_usd is not None
    assert reply.cost_usd > 0


def test_given_prices_in_usd_for_a_million_tokens_override_the_table(fake_server: Any) -> None:
    reply = asyncio.run(gateway_to(fake_server, price_in_usd=2.0, price_out_usd=10.0).send(request(), SCOPE))
    log = fake_server.log()
    assert reply.cost_usd == pytest.approx((2.0 * log["prompt_tokens"] + 10.0 * log["completion_tokens"]) / 1e6)


def test_an_unknown_price_is_none_and_not_zero(fake_server: Any) -> None:
    gateway = gateway_to(fake_server, name="openai/our-own-model")
    asked = ChatRequest({**request().body, "model": "openai/our-own-model"})
    assert asyncio.run(gateway.send(asked, SCOPE)).cost_usd is None


def test_missing_usage_is_estimated_and_flagged(fake_server: Any) -> None:
    fake_server.script(faults=["missing_usage"])
    reply = asyncio.run(gateway_to(fake_server).send(request(), SCOPE))
    assert reply.usage.is_estimated is True
    assert reply.usage.prompt_tokens > 0
    assert reply.cost_usd is not None
    assert reply.cost_usd > 0


def test_another_model_than_the_one_asked_is_recorded(fake_server: Any) -> None:
    fake_server.script(faults=["wrong_model"])
    gateway = gateway_to(fake_server)
    asyncio.run(gateway.send(request(), SCOPE))
    assert [(call.model_asked, call.model_answered) for call in ledger(gateway)] == [("openai/gpt-4o-mini", "surprise-model-7")]


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        ("429", ErrorClass.RATE_LIMITED),
        ("500", ErrorClass.OVERLOADED),
        ("503", ErrorClass.OVERLOADED),
        ("reset", ErrorClass.CONNECTION),
        ("truncated_body", ErrorClass.CONNECTION),
    ],
)
def test_a_transient_fault_is_tried_exactly_as_often_as_allowed(fake_server: Any, fault: str, error_class: ErrorClass) -> None:
    fake_server.script(faults=[fault] * 10)
    gateway = gateway_to(fake_server)
    assert failure(gateway).error_class is error_class
    assert fake_server.n_requests() == 4
    assert [call.error_class for call in ledger(gateway)] == [error_class] * 4


@pytest.mark.parametrize("fault", ["429", "500", "503", "reset", "truncated_body"])
def test_one_transient_fault_costs_one_more_request(fake_server: Any, fault: str) -> None:
    fake_server.script(faults=[fault])
    asyncio.run(gateway_to(fake_server).send(request(), SCOPE))
    assert fake_server.n_requests() == 2


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        ("401", ErrorClass.AUTH),
        ("429_quota", ErrorClass.NO_CREDIT),
        ("402", ErrorClass.NO_CREDIT),
        ("credit_400", ErrorClass.NO_CREDIT),
        ("400", ErrorClass.BAD_REQUEST),
        ("404", ErrorClass.BAD_REQUEST),
        ("context", ErrorClass.CONTEXT_TOO_LONG),
        ("filter_400", ErrorClass.CONTENT_FILTER),
        ("content_filter", ErrorClass.CONTENT_FILTER),
        ("refusal", ErrorClass.REFUSAL),
        ("length", ErrorClass.TRUNCATED),
        ("empty_choices", ErrorClass.INVALID_STRUCTURE),
    ],
)
def test_a_lasting_fault_is_one_request_with_its_class_and_is_not_cached(fake_server: Any, fault: str, error_class: ErrorClass) -> None:
    fake_server.script(faults=[fault])
    gateway = gateway_to(fake_server)
    assert failure(gateway).error_class is error_class
    assert fake_server.n_requests() == 1
    assert asyncio.run(gateway.send(request(), SCOPE)).is_cached is False
    assert fake_server.n_requests() == 2
    assert sum(call.usage.prompt_tokens for call in ledger(gateway)) == fake_server.log()["prompt_tokens"]


def test_retry_after_of_the_server_is_honoured(fake_server: Any) -> None:
    fake_server.script(faults=["429_retry_after"], retry_after="0.3")
    asyncio.run(gateway_to(fake_server).send(request(), SCOPE))
    first, second = fake_server.log()["requests"]
    assert second["at_s"] - first["at_s"] >= 0.3


def test_a_stalled_server_is_a_timeout_and_is_tried_again(fake_server: Any) -> None:
    fake_server.script(faults=["stall"])
    gateway = gateway_to(fake_server, timeout_s=2.0)
    asyncio.run(gateway.send(request(), SCOPE))
    first, *_, last = ledger(gateway)
    assert (first.error_class, last.error_class) == (ErrorClass.TIMEOUT, None)


def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    gateway = MeteredGateway(
        LitellmTransport(ModelSettings("openai/x", api_base="http://127.0.0.1:9/v1")), None, backoff_s=0.001, max_attempts=2
    )
    assert failure(gateway).error_class is ErrorClass.CONNECTION


def structured(gateway: MeteredGateway, user: str = "compare") -> StructuredReply[Verdict]:
    return asyncio.run(
        ask(
            gateway, model=ModelSettings("openai/gpt-4o-mini"), system="s", user=user, response_model=Verdict, task=None, scope=SCOPE
        )
    )  # fmt: skip


@pytest.mark.parametrize("fault", ["invalid_json", "wrong_schema"])
def test_a_repair_is_counted_once_for_each_request(fake_server: Any, fault: str) -> None:
    fake_server.script(faults=[fault])
    gateway = gateway_to(fake_server)
    reply = structured(gateway)
    log = fake_server.log()
    assert (reply.value, reply.n_calls, log["n_requests"]) == (Verdict(reason="some reason", is_match=True), 2, 2)
    assert sum(call.usage.prompt_tokens for call in ledger(gateway)) == log["prompt_tokens"]
    assert sum(call.usage.completion_tokens for call in ledger(gateway)) == log["completion_tokens"]
    assert reply.cost_usd == pytest.approx(sum(call.cost_usd for call in ledger(gateway)))


def test_a_repair_that_fails_ends_after_two_requests(fake_server: Any) -> None:
    fake_server.script(faults=["invalid_json"] * 5)
    with pytest.raises(ModelError) as caught:
        structured(gateway_to(fake_server))
    assert (caught.value.error_class, fake_server.n_requests()) == (ErrorClass.INVALID_STRUCTURE, 2)


def test_mixed_faults_end_answered_or_classed_and_the_counts_equal_the_servers(fake_server: Any) -> None:
    kinds = ["429", "500", "503", "reset", "invalid_json", "wrong_schema", "refusal", "length", "empty_choices", "missing_usage"]
    fake_server.script(fault_rate=0.3, fault_kinds=kinds, seed=5)
    gateway = gateway_to(fake_server)

    async def ask_all() -> list[object]:
        model = ModelSettings("openai/gpt-4o-mini")
        questions = (
            ask(gateway, model=model, system="s", user=str(i), response_model=Verdict, task=None, scope=CallScope("run", str(i), "decide"))
            for i in range(60)
        )
        return await asyncio.gather(*questions, return_exceptions=True)

    outcomes = asyncio.run(ask_all())
    assert all(isinstance(outcome, ModelError) or outcome.value.is_match for outcome in outcomes)
    assert any(isinstance(outcome, ModelError) for outcome in outcomes)
    log, calls = fake_server.log(), ledger(gateway)
    assert len(calls) == log["n_requests"]
    assert sum(call.usage.prompt_tokens for call in calls if not call.usage.is_estimated) == log["prompt_tokens"]
    assert log["most_in_flight"] <= 8


def test_a_key_is_sent_only_where_it_was_named_for_and_never_stands_in_an_error(fake_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-123")
    monkeypatch.setenv("OUR_KEY", "abc-canary-456")
    fake_server.script(faults=["401", "401"])
    assert "canary" not in str(failure(gateway_to(fake_server)))
    assert "canary" not in str(failure(gateway_to(fake_server, api_key_env="OUR_KEY")))
    assert fake_server.log()["requests"][0]["authorization"] == "Bearer not-needed"
    assert fake_server.log()["requests"][1]["authorization"] == "Bearer abc-canary-456"


def test_no_key_reaches_the_store(fake_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUR_KEY", "sk-canary-123")
    fake_server.script(faults=["401"])
    keyed = settings(fake_server, api_key_env="OUR_KEY")
    with open_session(store=tmp_path / "s.db", model=keyed) as session, pytest.raises(RunStoppedError):
        asyncio.run(session.gateway.send(request(), SCOPE))
    with open_session(store=tmp_path / "s.db", model=keyed) as session:
        asyncio.run(session.gateway.send(request(), SCOPE))
        assert len(list(session.store.calls("run"))) == 2
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hello" in written
    assert b"canary" not in written


def test_a_second_session_on_the_same_store_asks_nothing_again(fake_server: Any, tmp_path: Path) -> None:
    for _ in range(2):
        with open_session(store=tmp_path / "s.db", model=settings(fake_server)) as session:
            reply = asyncio.run(session.gateway.send(request(), SCOPE))
    assert reply.is_cached is True
    assert fake_server.n_requests() == 1


def test_another_api_base_is_another_call(fake_server: Any, tmp_path: Path) -> None:
    for api_base in (fake_server.url, fake_server.url.replace("127.0.0.1", "localhost")):
        with open_session(store=tmp_path / "s.db", model=settings(fake_server, api_base=api_base)) as session:
            asyncio.run(session.gateway.send(request(), SCOPE))
    assert fake_server.n_requests() == 2


@pytest.fixture
def without_keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "GROQ_")):
            monkeypatch.delenv(name)
    return monkeypatch


def test_other_ways_to_log_in_are_left_to_the_vendors_client_whose_refusal_is_not_tried_again(without_keys: pytest.MonkeyPatch) -> None:
    without_keys.setenv("OPENAI_ORG_ID", "org-x")
    gateway = MeteredGateway(LitellmTransport(ModelSettings("openai/gpt-4o-mini")), None, backoff_s=0.001)
    assert failure(gateway).error_class is ErrorClass.AUTH
    assert [call.error_class for call in ledger(gateway)] == [ErrorClass.AUTH]


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("gpt-4o-mini", "OPENAI_API_KEY"),
        ("anthropic/claude-3-5-haiku-latest", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.0-flash", "GOOGLE_API_KEY or GEMINI_API_KEY"),
        ("groq/llama-3.1-8b-instant", "GROQ_API_KEY"),
    ],
)
@pytest.mark.usefixtures("without_keys")
def test_a_vendors_model_without_its_key_is_refused_at_once_and_the_variable_named(model: str, named: str) -> None:
    with pytest.raises(ConfigError, match=f"{re.escape(repr(model))} needs a key: set the environment variable {named}"):
        LitellmTransport(ModelSettings(model))


@pytest.mark.usefixtures("without_keys")
def test_models_that_need_no_plain_key_are_not_asked_for_one() -> None:
    for model in ("ollama/llama3", "bedrock/anthropic.claude-v2", "hosted_vllm/m", "of-no-vendor"):
        LitellmTransport(ModelSettings(model))


def test_a_reply_with_half_a_character_is_repaired_like_any_other_bad_reply(fake_server: Any) -> None:
    fake_server.script(replies=[{"contains": "compare", "content": "no JSON \ud800"}])
    with pytest.raises(ModelError) as caught:
        structured(gateway_to(fake_server))
    assert (caught.value.error_class, fake_server.n_requests()) == (ErrorClass.INVALID_STRUCTURE, 2)
