"""The gateway that every command gets from the session has all bounds: the account's limiter, a breaker, a budget."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import BudgetError, ErrorClass, ModelError, RunStoppedError
from epm.gateway.bounds import Bounds
from epm.gateway.limiter import Limiter
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.session import make_gateway

MODEL = ModelSettings("openai/m", api_base="http://h:1", price_in_usd=1.0, price_out_usd=1.0, rpm=60_000)
SCOPE = CallScope("run", "item", "decide")


def request(text: str = "hello") -> ChatRequest:
    return ChatRequest({"model": "openai/m", "messages": [{"role": "user", "content": text}], "max_tokens": 5})


def test_commands_on_one_account_share_its_limiter_and_what_runs_here_has_none_to_share(scripted: Any) -> None:
    gateways = [make_gateway(scripted("ok"), None, MODEL, concurrency=n, seed=0) for n in (4, 32)]
    assert gateways[0].limiter is gateways[1].limiter
    here = [make_gateway(scripted("ok"), None, ModelSettings("rules"), concurrency=4, seed=0) for _ in range(2)]
    assert here[0].limiter is not here[1].limiter


def test_a_refused_key_stops_a_command_and_a_probe_goes_on(scripted: Any) -> None:
    refused = ModelError("no such key", ErrorClass.AUTH)
    for is_probe, error, n_sent in ((False, RunStoppedError, 1), (True, ModelError, 2)):
        transport = scripted(refused)
        gateway = make_gateway(transport, None, MODEL, concurrency=1, seed=0, is_probe=is_probe)
        for text in ("one", "two"):
            with pytest.raises(error):
                asyncio.run(gateway.send(request(text), SCOPE))
        assert len(transport.requests) == n_sent


def test_a_spent_cap_ends_a_command_before_the_call(scripted: Any) -> None:
    transport = scripted("ok")
    gateway = make_gateway(transport, None, MODEL, concurrency=1, seed=0, bounds=Bounds(max_cost_usd=1e-9))
    with pytest.raises(BudgetError):
        asyncio.run(gateway.send(request(), SCOPE))
    assert transport.requests == []
    assert gateway.limiter.n_in_flight == 0


def test_a_call_that_a_cap_stopped_says_nothing_of_the_server() -> None:
    async def stopped_by(error_class: ErrorClass | None) -> int:
        limiter = Limiter(64)

        async def call() -> None:
            async with limiter.slot():
                await asyncio.sleep(0)
                if error_class is not None:
                    raise ModelError("no", error_class)

        for _ in range(9):
            await asyncio.gather(*(call() for _ in range(64)), return_exceptions=True)
        return limiter.state().limit

    assert asyncio.run(stopped_by(None)) == 64
    assert asyncio.run(stopped_by(ErrorClass.BUDGET)) == asyncio.run(stopped_by(ErrorClass.CANCELLED)) == 8
