from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import ConfigError, ErrorClass, ModelError, RunStoppedError
from epm.gateway.breaker import MAX_AUTH_IN_A_ROW, MAX_BAD_REQUESTS_IN_A_ROW, MAX_FRUITLESS_IN_A_ROW, CircuitBreaker
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.remedies import REMEDIES
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


def test_a_few_transient_failures_stop_no_run(scripted: Any) -> None:
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


FRUITLESS = [ErrorClass.TRUNCATED, ErrorClass.REFUSAL, ErrorClass.CONTEXT_TOO_LONG]


@pytest.mark.parametrize("error_class", FRUITLESS)
def test_questions_that_are_paid_and_never_once_answered_stop_the_run(scripted: Any, error_class: ErrorClass) -> None:
    transport = scripted(ModelError("no", error_class))
    assert outcomes(transport, 30).count("ModelError") == MAX_FRUITLESS_IN_A_ROW - 1
    assert len(transport.requests) == MAX_FRUITLESS_IN_A_ROW


@pytest.mark.parametrize("error_class", FRUITLESS)
def test_once_one_was_answered_they_are_the_matter_of_their_pairs(scripted: Any, error_class: ErrorClass) -> None:
    found = outcomes(scripted(*[ModelError("no", error_class)] * 5, "fine", ModelError("no", error_class)), 40)
    assert (found.count("RunStoppedError"), found.count("ModelError")) == (0, 39)


def test_filtered_pairs_never_stop_a_run_nor_hide_that_nothing_was_answered(scripted: Any) -> None:
    filtered, cut = ModelError("filtered", ErrorClass.CONTENT_FILTER), ModelError("cut", ErrorClass.TRUNCATED)
    assert outcomes(scripted(filtered), 40) == ["ModelError"] * 40
    found = outcomes(scripted(*[filtered, cut] * MAX_FRUITLESS_IN_A_ROW), 30)
    assert found.count("ModelError") == 2 * MAX_FRUITLESS_IN_A_ROW - 1


def fruitless(breaker: CircuitBreaker, role: str, n: int) -> None:
    for _ in range(n):
        breaker.failed(ModelError("cut off", ErrorClass.TRUNCATED), CallScope("run", "item", role))


def test_each_kind_of_question_counts_by_itself_and_the_message_says_which_and_what_to_do() -> None:
    breaker = CircuitBreaker()
    breaker.answered(CallScope("run", "item", "teacher/ask"))
    fruitless(breaker, "teacher/ask", 50)
    fruitless(breaker, "teacher/decide", MAX_FRUITLESS_IN_A_ROW - 1)
    fruitless(breaker, "teacher/verify", MAX_FRUITLESS_IN_A_ROW - 1)
    with pytest.raises(
        RunStoppedError, match=r"after 10 calls in a row of 'teacher/decide' failed with 'truncated'.*cut off; .*--reply-tokens"
    ):
        fruitless(breaker, "teacher/decide", 1)


def test_what_the_cache_or_an_earlier_command_had_answered_is_not_fruitless(scripted: Any) -> None:
    resumed = CircuitBreaker(lambda scope: scope.role == "teacher/decide")
    fruitless(resumed, "teacher/decide", 50)
    with pytest.raises(RunStoppedError):
        fruitless(resumed, "teacher/ask", 50)
    log = MemoryCallLog()
    asyncio.run(send(MeteredGateway(scripted("fine"), log), "kept"))
    transport = scripted(ModelError("no", ErrorClass.REFUSAL))
    gateway = MeteredGateway(transport, log, breaker=CircuitBreaker())

    async def ask() -> set[str]:
        await send(gateway, "kept")
        return {type((await asyncio.gather(send(gateway, i), return_exceptions=True))[0]).__name__ for i in range(30)}

    assert asyncio.run(ask()) == {"ModelError"}


def test_a_hit_of_the_cache_says_nothing_of_the_key() -> None:
    breaker = CircuitBreaker()
    breaker.answered(SCOPE, is_cached=True)
    with pytest.raises(RunStoppedError, match="after 1 call failed with 'auth'"):
        breaker.failed(AUTH, SCOPE)


def test_there_is_something_to_do_about_every_class() -> None:
    assert set(REMEDIES) == set(ErrorClass)
