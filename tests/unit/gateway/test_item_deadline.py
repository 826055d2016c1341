from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from epm.errors import ErrorClass, ModelError
from epm.gateway.deadline import item_deadline
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest

SCOPE = CallScope("run", "item", "decide")


async def send(gateway: MeteredGateway, text: object = "hello") -> ChatReply:
    return await gateway.send(ChatRequest({"model": "m", "messages": [{"role": "user", "content": str(text)}]}), SCOPE)


async def within(total_s: float, gateway: MeteredGateway, text: object = "hello") -> ChatReply:
    with item_deadline(total_s):
        return await send(gateway, text)


def spent(gateway: MeteredGateway, total_s: float) -> tuple[ModelError, float]:
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"the item's time of .* was spent .*--item-timeout-s") as caught:
        asyncio.run(within(total_s, gateway))
    assert caught.value.error_class is ErrorClass.TIMEOUT
    return caught.value, time.monotonic() - start


def test_an_attempt_ends_with_its_item_and_is_in_the_ledger_as_a_timeout(scripted: Any) -> None:
    gateway = MeteredGateway(scripted("late", delay_s=5), None, timeout_s=60, backoff_s=0.001)
    _, elapsed_s = spent(gateway, 0.05)
    assert elapsed_s < 1
    assert [call.error_class for call in gateway.log.calls] == [ErrorClass.TIMEOUT]


def test_a_wait_that_would_outlast_the_item_is_not_begun(scripted: Any) -> None:
    transport = scripted(ModelError("slow", ErrorClass.RATE_LIMITED, retry_after_s=30), "fine")
    error, elapsed_s = spent(MeteredGateway(transport, None), 5.0)
    assert elapsed_s < 1
    assert "slow" in str(error)
    assert len(transport.requests) == 1


def test_waiting_for_a_turn_ends_with_the_item_and_the_turn_is_not_lost(scripted: Any) -> None:
    transport = scripted("fine", delay_s=0.2)
    gateway = MeteredGateway(transport, None, concurrency=1)

    async def queue() -> list[object]:
        return await asyncio.gather(send(gateway, 1), within(0.05, gateway, 2), send(gateway, 3), return_exceptions=True)

    first, second, third = asyncio.run(queue())
    assert isinstance(second, ModelError)
    assert second.error_class is ErrorClass.TIMEOUT
    assert isinstance(first, ChatReply)
    assert isinstance(third, ChatReply)
    assert (len(transport.requests), gateway.limiter.n_in_flight) == (2, 0)


def test_an_item_that_follows_the_call_of_another_waits_no_longer_than_its_own_time(scripted: Any) -> None:
    gateway = MeteredGateway(scripted("fine", delay_s=0.2), None)

    async def follow() -> list[object]:
        return await asyncio.gather(send(gateway), within(0.05, gateway), return_exceptions=True)

    leader, follower = asyncio.run(follow())
    assert isinstance(leader, ChatReply)
    assert isinstance(follower, ModelError)


def test_an_item_that_leads_and_runs_out_of_time_does_not_fail_its_followers(scripted: Any) -> None:
    gateway = MeteredGateway(scripted("fine", delay_s=0.2), None)

    async def follow() -> list[object]:
        return await asyncio.gather(within(0.05, gateway), send(gateway), return_exceptions=True)

    leader, follower = asyncio.run(follow())
    assert isinstance(leader, ModelError)
    assert isinstance(follower, ChatReply)


def test_calls_outside_an_item_have_the_attempts_own_bound_only(scripted: Any) -> None:
    async def one_item_after_another() -> ChatReply:
        gateway = MeteredGateway(scripted("fine", delay_s=0.05), None)
        with item_deadline(0.01), pytest.raises(ModelError):
            await send(gateway, 1)
        return await send(gateway, 2)

    assert isinstance(asyncio.run(one_item_after_another()), ChatReply)
