from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import ConfigError, ErrorClass, ModelError, RunStoppedError
from epm.gateway.breaker import MAX_AUTH_IN_A_ROW, MAX_BAD_REQUESTS_IN_A_ROW, CircuitBreaker
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatRequest

AUTH, BAD = ModelError("no such key", ErrorClass.AUTH), ModelError("no schema here", ErrorClass.BAD_REQUEST)
SCOPE = CallScope("run", "item", "decide")


async def send(gateway: MeteredGateway, text: object) -> object:
    return await gateway.send(ChatRequest({"model": "m", "messages": [{"role": "user", "content": str(text)}]}), SCOPE)


def outcomes(transport: Any, n_calls: int) -> list[str]:
    """What each of the calls, one after another, comes to."""
    gateway = MeteredGateway(transport, None, backoff_s=0.001, breaker=CircuitBreaker())

    async def ask() -> list[str]:
        done = [(await asyncio.gather(send(gateway, i), return_exceptions=True))[0] for i in range(n_calls)]
        return [type(outcome).__name__ for outcome in done]

    return asyncio.run(ask())


def test_a_key_that_never_worked_stops_the_run_at_the_first_call(scripted: Any) -> None:
    transport = scripted(AUTH)
    assert outcomes(transport, 4) == ["RunStoppedError"] * 4
    assert len(transport.requests) == 1


def test_a_key_that_worked_is_given_up_after_three_failures_in_a_row(scripted: Any) -> None:
    transport = scripted("fine", AUTH, AUTH, "fine", AUTH)
    assert outcomes(transport, 8) == ["ChatReply", *["ModelError"] * 2, "ChatReply", *["ModelError"] * 2, *["RunStoppedError"] * 2]
    assert len(transport.requests) == 4 + MAX_AUTH_IN_A_ROW


@pytest.mark.parametrize("error_class", [ErrorClass.BAD_REQUEST, ErrorClass.UNSUPPORTED])
def test_requests_that_are_all_refused_stop_the_run(scripted: Any, error_class: ErrorClass) -> None:
    transport = scripted(ModelError("no", error_class))
    assert outcomes(transport, 30).count("ModelError") == MAX_BAD_REQUESTS_IN_A_ROW - 1
    assert len(transport.requests) == MAX_BAD_REQUESTS_IN_A_ROW


def test_an_answer_between_them_keeps_the_run_going(scripted: Any) -> None:
    transport = scripted(*[BAD] * (MAX_BAD_REQUESTS_IN_A_ROW - 1), "fine", *[BAD] * (MAX_BAD_REQUESTS_IN_A_ROW - 1), "fine")
    assert "RunStoppedError" not in outcomes(transport, 2 * MAX_BAD_REQUESTS_IN_A_ROW)


def test_transient_failures_never_stop_a_run(scripted: Any) -> None:
    assert outcomes(scripted(ModelError("busy", ErrorClass.OVERLOADED)), 20) == ["ModelError"] * 20


def test_the_message_says_class_count_last_message_and_remedy(scripted: Any) -> None:
    gateway = MeteredGateway(scripted(AUTH), None, breaker=CircuitBreaker())
    with pytest.raises(ConfigError, match=r"after 1 call failed with 'auth'.*no such key.*--api-key-env.*it resumes") as caught:
        asyncio.run(send(gateway, "x"))
    assert isinstance(caught.value, RunStoppedError)


def test_calls_that_wait_for_their_turn_are_not_sent_any_more(scripted: Any) -> None:
    transport = scripted(AUTH, delay_s=0.005)
    gateway = MeteredGateway(transport, None, concurrency=4, breaker=CircuitBreaker())

    async def ask_many() -> list[object]:
        return await asyncio.gather(*(send(gateway, i) for i in range(100)), return_exceptions=True)

    assert {type(outcome) for outcome in asyncio.run(ask_many())} == {RunStoppedError}
    assert len(transport.requests) == 4
