from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from epm.errors import EgressError, ErrorClass, ModelError
from epm.gateway.bounds import Bounds
from epm.gateway.budget import Budget
from epm.gateway.completion import completion_body
from epm.gateway.ledger import CachedReply, CallRecord, MemoryCallLog, cache_key
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Task, TaskKind, Usage

SCOPE = CallScope("run", "item", "decide")
OVERLOADED = ModelError("busy", ErrorClass.OVERLOADED)


def request(text: str = "hello") -> ChatRequest:
    return ChatRequest({"model": "m", "messages": [{"role": "user", "content": text}]})


def gateway_over(transport: Any, **settings: Any) -> MeteredGateway:
    return MeteredGateway(transport, None, backoff_s=0.001, **settings)


def ledger(gateway: MeteredGateway) -> list:
    assert isinstance(gateway.log, MemoryCallLog)
    return list(gateway.log.calls)


def test_a_repeated_request_is_answered_from_the_cache_and_the_hit_is_visible(scripted: Any) -> None:
    transport = scripted("one", "two")
    gateway = gateway_over(transport)

    async def ask_twice() -> tuple[ChatReply, ChatReply]:
        return await gateway.send(request(), SCOPE), await gateway.send(request(), SCOPE)

    first, second = asyncio.run(ask_twice())
    assert (first.is_cached, second.is_cached) == (False, True)
    assert second.body == first.body
    assert (first.cost_usd, second.cost_usd) == (0.25, 0.0)
    assert len(transport.requests) == 1
    assert [(call.is_cached, call.cost_usd) for call in ledger(gateway)] == [(False, 0.25), (True, 0.0)]


def test_another_sample_index_is_another_call(scripted: Any) -> None:
    transport = scripted("one", "two")
    gateway = gateway_over(transport)

    async def ask_twice() -> ChatReply:
        await gateway.send(request(), SCOPE)
        return await gateway.send(request(), CallScope("run", "item", "decide", sample_index=1))

    assert asyncio.run(ask_twice()).body["choices"][0]["message"]["content"] == "two"
    assert len(transport.requests) == 2


def test_identical_requests_in_flight_share_one_call(scripted: Any) -> None:
    transport = scripted("one", delay_s=0.01)
    gateway = gateway_over(transport)

    async def ask_together() -> list[ChatReply]:
        return await asyncio.gather(*(gateway.send(request(), SCOPE) for _ in range(5)))

    replies = asyncio.run(ask_together())
    assert len(transport.requests) == 1
    assert sorted(reply.is_cached for reply in replies) == [False, True, True, True, True]


def test_a_follower_takes_over_when_the_caller_in_front_is_cancelled(scripted: Any) -> None:
    transport = scripted("one", delay_s=0.02)
    gateway = gateway_over(transport)

    async def cancel_the_leader() -> ChatReply:
        leader = asyncio.create_task(gateway.send(request(), SCOPE))
        follower = asyncio.create_task(gateway.send(request(), SCOPE))
        await asyncio.sleep(0.005)
        leader.cancel()
        return await follower

    assert asyncio.run(cancel_the_leader()).is_cached is False
    assert [call.error_class for call in ledger(gateway)] == [ErrorClass.CANCELLED, None]


@pytest.mark.parametrize("error_class", [c for c in ErrorClass if c.is_retryable])
def test_a_transient_failure_is_tried_again_and_every_attempt_is_in_the_ledger(scripted: Any, error_class: ErrorClass) -> None:
    transport = scripted(ModelError("once", error_class), ModelError("twice", error_class), "fine")
    gateway = gateway_over(transport)
    reply = asyncio.run(gateway.send(request(), SCOPE))
    assert reply.body["choices"][0]["message"]["content"] == "fine"
    assert [(call.attempt, call.error_class) for call in ledger(gateway)] == [(1, error_class), (2, error_class), (3, None)]


@pytest.mark.parametrize("error_class", [c for c in ErrorClass if not c.is_retryable])
def test_a_lasting_failure_is_tried_once(scripted: Any, error_class: ErrorClass) -> None:
    transport = scripted(ModelError("no", error_class), "fine")
    with pytest.raises(ModelError) as caught:
        asyncio.run(gateway_over(transport).send(request(), SCOPE))
    assert caught.value.error_class is error_class
    assert len(transport.requests) == 1


def test_attempts_are_bounded_and_the_last_error_says_so(scripted: Any) -> None:
    transport = scripted(OVERLOADED)
    with pytest.raises(ModelError, match=r"busy \(gave up at attempt 3\)"):
        asyncio.run(gateway_over(transport, max_attempts=3).send(request(), SCOPE))
    assert len(transport.requests) == 3


def test_retry_after_is_a_lower_bound_of_the_wait(scripted: Any) -> None:
    transport = scripted(ModelError("slow", ErrorClass.RATE_LIMITED, retry_after_s=0.15), "fine")
    gateway = gateway_over(transport)
    asyncio.run(gateway.send(request(), SCOPE))
    first, second = ledger(gateway)
    assert second.started_at_s - first.started_at_s >= 0.15


def test_a_server_that_asks_for_an_hour_is_not_waited_for(scripted: Any) -> None:
    transport = scripted(ModelError("slow", ErrorClass.RATE_LIMITED, retry_after_s=3600), "fine")
    said = r"slow \(the server asked to wait 3600 s, longer than the 120 s that are waited; gave up at attempt 1\)"
    with pytest.raises(ModelError, match=said) as caught:
        asyncio.run(gateway_over(transport).send(request(), SCOPE))
    assert (caught.value.error_class, len(transport.requests)) == (ErrorClass.RATE_LIMITED, 1)


def test_a_call_past_its_deadline_is_a_timeout_whose_bill_is_unknown(scripted: Any) -> None:
    gateway = gateway_over(scripted("late", delay_s=1), timeout_s=0.01, max_attempts=1)
    with pytest.raises(ModelError) as caught:
        asyncio.run(gateway.send(request(), SCOPE))
    assert caught.value.error_class is ErrorClass.TIMEOUT
    (call,) = ledger(gateway)
    assert (call.error_class, call.cost_usd, call.usage.is_estimated) == (ErrorClass.TIMEOUT, None, True)


UNUSABLE = {
    ErrorClass.TRUNCATED: completion_body("m-1", {"content": "par"}, finish_reason="length"),
    ErrorClass.CONTENT_FILTER: completion_body("m-1", {"content": ""}, finish_reason="content_filter"),
    ErrorClass.REFUSAL: completion_body("m-1", {"content": None, "refusal": "no"}),
    ErrorClass.INVALID_STRUCTURE: {**completion_body("m-1", {}), "choices": []},
}


@pytest.mark.parametrize("error_class", UNUSABLE)
def test_an_unusable_reply_is_classed_billed_and_never_cached(scripted: Any, error_class: ErrorClass) -> None:
    transport = scripted(UNUSABLE[error_class], "fine")
    gateway = gateway_over(transport)

    async def ask_twice() -> tuple[ErrorClass, ChatReply]:
        with pytest.raises(ModelError) as caught:
            await gateway.send(request(), SCOPE)
        return caught.value.error_class, await gateway.send(request(), SCOPE)

    found, reply = asyncio.run(ask_twice())
    assert found is error_class
    assert reply.is_cached is False
    assert [(call.error_class, call.usage.prompt_tokens, call.cost_usd) for call in ledger(gateway)] == [
        (error_class, 10, 0.25),
        (None, 10, 0.25),
    ]


def test_tokens_are_counted_by_kind_for_every_reply_that_was_paid_for_and_hits_apart(scripted: Any) -> None:
    class Thinking(scripted):
        async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
            reply = await super().send(request, timeout_s=timeout_s)
            return replace(reply, usage=Usage(10, 9, 4, 7))

    gateway = gateway_over(Thinking(UNUSABLE[ErrorClass.REFUSAL], "fine"))

    async def ask_three_times() -> None:
        with pytest.raises(ModelError):
            await gateway.send(request(), SCOPE)
        await gateway.send(request(), SCOPE)
        await gateway.send(request(), SCOPE)

    asyncio.run(ask_three_times())
    assert gateway.usage == Usage(20, 18, 8, 14)
    assert (gateway.n_tokens, gateway.n_hits) == (38, 1)
    assert gateway.usage.minus(Usage(10, 9, 4, 7)) == Usage(10, 9, 4, 7)


def test_no_more_calls_are_in_flight_than_allowed_and_the_allowance_is_used(scripted: Any) -> None:
    transport = scripted("one", delay_s=0.005)
    gateway = gateway_over(transport, concurrency=3)

    async def ask_many() -> None:
        await asyncio.gather(*(gateway.send(request(str(i)), SCOPE) for i in range(12)))

    asyncio.run(ask_many())
    assert transport.most_in_flight == 3


def test_a_cancelled_waiter_does_not_lose_its_slot(scripted: Any) -> None:
    transport = scripted("one", delay_s=0.01)
    gateway = gateway_over(transport, concurrency=1)

    async def cancel_a_waiter() -> ChatReply:
        tasks = [asyncio.create_task(gateway.send(request(str(i)), SCOPE)) for i in range(4)]
        await asyncio.sleep(0.002)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await gateway.send(request("later"), SCOPE)

    asyncio.run(asyncio.wait_for(cancel_a_waiter(), timeout=2))
    assert gateway.limiter.n_in_flight == 0


def test_one_gateway_serves_several_event_loops(scripted: Any) -> None:
    gateway = gateway_over(scripted("one", delay_s=0.002), concurrency=1)

    async def ask_many(start: int) -> None:
        await asyncio.gather(*(gateway.send(request(str(start + i)), SCOPE) for i in range(3)))

    asyncio.run(ask_many(0))
    asyncio.run(ask_many(10))
    assert len(ledger(gateway)) == 6


class TaskTransport:
    name = "tasks"
    identity = "tasks 1"
    answers_tasks = True

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        return ChatReply(completion_body("t", {"content": "x"}), Usage(0, 0), "t", 0.0, 0.0)


def test_the_typed_task_is_part_of_the_key_only_where_it_determines_the_answer(scripted: Any) -> None:
    def key(transport: Any, title: str) -> str:
        task = Task(TaskKind.DECIDE, {"title": title})
        return cache_key(transport, ChatRequest(request().body, task), sample_index=0)

    assert key(TaskTransport(), "a") != key(TaskTransport(), "b")
    assert key(scripted("x"), "a") == key(scripted("x"), "b")


class SlowLog(MemoryCallLog):
    """A log whose commits wait for a sign."""

    def __init__(self) -> None:
        super().__init__()
        self.may_commit = asyncio.Event()

    async def record_call(self, call: CallRecord, kept: CachedReply | None) -> None:
        await self.may_commit.wait()
        await super().record_call(call, kept)


def test_no_reply_is_handed_out_before_its_ledger_row_is_committed(scripted: Any) -> None:
    async def look_before_the_commit() -> tuple[bool, ChatReply]:
        log = SlowLog()
        sending = asyncio.create_task(MeteredGateway(scripted("one"), log).send(request(), SCOPE))
        await asyncio.sleep(0.01)
        was_early = sending.done()
        log.may_commit.set()
        return was_early, await sending

    was_early, reply = asyncio.run(look_before_the_commit())
    assert was_early is False
    assert reply.is_cached is False


def test_what_the_egress_policy_refuses_is_tried_once_costs_nothing_and_stands_in_the_ledger(scripted: Any) -> None:
    class Refusing(type(scripted("never"))):  # type: ignore[misc]  # the class of the fixture
        async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
            self.requests.append(request)
            raise EgressError("refused to reach 'evil.invalid'")

    transport = Refusing("never")
    gateway = gateway_over(transport, budget=Budget(Bounds(max_tokens=10_000)))
    with pytest.raises(EgressError, match=r"^refused to reach 'evil\.invalid'$"):
        asyncio.run(gateway.send(ChatRequest({**request().body, "max_tokens": 100}), SCOPE))
    assert len(transport.requests) == 1
    assert [(call.error_class, call.error, call.cost_usd, call.usage.prompt_tokens) for call in ledger(gateway)] == [
        (ErrorClass.EGRESS, "refused to reach 'evil.invalid'", 0.0, 0)
    ]
    assert not ErrorClass.EGRESS.is_retryable
