"""Servers that send too much, too slowly, packed, or figures that cannot be: bounded, classed, counted once, never kept."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from typing import Any

import pytest
from pydantic import BaseModel

from epm.errors import ErrorClass, ModelError
from epm.gateway.bounds import Bounds
from epm.gateway.budget import Budget
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import Price
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings
from epm.gateway.structured import ask
from epm.gateway.transports.litellm import LitellmTransport

_NOISE_S = 0.02
"""Two ticks: what a busy machine adds by itself."""
SCOPE = CallScope("run", "item", "decide")
NAME = "openai/gpt-4o-mini"


class Verdict(BaseModel):
    reason: str
    is_match: bool


def gateway_to(url: str, *, budget: Budget | None = None, timeout_s: float = 20, **changes: Any) -> MeteredGateway:
    model = ModelSettings(NAME, api_base=url, **changes)
    return MeteredGateway(LitellmTransport(model), None, backoff_s=0.001, timeout_s=timeout_s, max_attempts=2, budget=budget)


def send(gateway: MeteredGateway, max_tokens: int = 100) -> ChatReply:
    body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "max_tokens": max_tokens}
    return asyncio.run(gateway.send(ChatRequest(body), SCOPE))


def failure(gateway: MeteredGateway) -> ModelError:
    with pytest.raises(ModelError) as caught:
        send(gateway)
    return caught.value


def calls_of(gateway: MeteredGateway) -> list:
    assert isinstance(gateway.log, MemoryCallLog)
    return list(gateway.log.calls)


TOO_LONG = ["big:50000000", "endless:1000000", "packed:gzip 200000000", "packed:deflate 200000000", f"usage:[{'1,' * 200_000}1]"]


@pytest.mark.parametrize("fault", TOO_LONG)
def test_a_reply_longer_than_its_tokens_can_be_is_refused_once_and_not_kept(fake_server: Any, fault: str) -> None:
    fake_server.script(faults=[fault])
    gateway = gateway_to(fake_server.url)
    error = failure(gateway)
    assert error.error_class is ErrorClass.REPLY_TOO_LONG
    assert "longer than 271,744 bytes" in str(error)
    assert "raise --reply-tokens" in str(error)
    assert "\n" not in str(error)
    assert (fake_server.n_requests(), [call.error_class for call in calls_of(gateway)]) == (1, [ErrorClass.REPLY_TOO_LONG])
    assert send(gateway).is_cached is False


def test_a_reply_that_is_too_long_is_not_sent_back_for_repair(fake_server: Any) -> None:
    fake_server.script(faults=["big:50000000"] * 5)
    asked = ask(
        gateway_to(fake_server.url), model=ModelSettings(NAME, max_tokens=100), system="s", user="u", response_model=Verdict, task=None,
        scope=SCOPE,
    )  # fmt: skip
    with pytest.raises(ModelError) as caught:
        asyncio.run(asked)
    assert (caught.value.error_class, fake_server.n_requests()) == (ErrorClass.REPLY_TOO_LONG, 1)


@pytest.mark.parametrize("fault", ["big:100000", "packed:gzip 100000", "packed:deflate 100000"])
def test_a_long_reply_within_the_bound_is_taken_packed_or_not(fake_server: Any, fault: str) -> None:
    fake_server.script(faults=[fault])
    reply = send(gateway_to(fake_server.url))
    assert len(reply.body["choices"][0]["message"]["content"]) == 100_000


def test_packing_that_was_not_asked_for_is_refused(fake_server: Any) -> None:
    fake_server.script(faults=["packed:br 1000"])
    error = failure(gateway_to(fake_server.url))
    assert error.error_class is ErrorClass.BAD_REQUEST
    assert "packed its reply as 'br'" in str(error)


def test_a_drip_without_an_end_ends_at_the_timeout(fake_server: Any) -> None:
    fake_server.script(faults=["endless:1"] * 2)
    gateway = gateway_to(fake_server.url, timeout_s=1)
    assert failure(gateway).error_class is ErrorClass.TIMEOUT
    assert fake_server.n_requests() == len(calls_of(gateway)) == 2


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_json_that_nests_too_deep_is_a_failure_with_a_class(fake_server: Any, depth: int) -> None:
    fake_server.script(faults=[f"deep:{depth}"])
    assert failure(gateway_to(fake_server.url)).error_class is ErrorClass.INVALID_STRUCTURE
    assert fake_server.n_requests() == 1


def test_an_error_page_is_told_by_its_title(fake_server: Any) -> None:
    fake_server.script(faults=["page:300000"])
    error = failure(gateway_to(fake_server.url))
    assert error.error_class is ErrorClass.BAD_REQUEST
    assert "The gate is shut" in str(error)
    assert "<" not in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize("kind", ["page", "error"])
def test_a_long_error_costs_no_more_cpu_than_a_short_one(fake_server: Any, kind: str) -> None:
    fake_server.script(faults=[f"{kind}:1000", f"{kind}:1000", f"{kind}:1000", f"{kind}:1000000", f"{kind}:1000000", f"{kind}:1000000"])
    gateway = gateway_to(fake_server.url)
    taken = []
    for _ in range(6):
        start = time.process_time()
        failure(gateway)
        taken.append(time.process_time() - start)
    assert sorted(taken[3:])[1] < 5 * sorted(taken[:3])[1]


LIES = [
    '{"prompt_tokens": 5000000000, "completion_tokens": 5}', '{"prompt_tokens": 50000, "completion_tokens": 5}',
    '{"prompt_tokens": 10, "completion_tokens": 203}', '{"prompt_tokens": 10, "completion_tokens": -5}',
    '{"prompt_tokens": 10, "completion_tokens": 1e308}', '{"prompt_tokens": NaN, "completion_tokens": 5}',
    '{"prompt_tokens": "many", "completion_tokens": 5}', '{"prompt_tokens": true, "completion_tokens": 5}',
    '{"prompt_tokens": 10.5, "completion_tokens": 5}', '{"prompt_tokens": {"a": 1}, "completion_tokens": [5]}', '"lots"', "[1, 2]",
    '{"prompt_tokens": Infinity, "completion_tokens": -Infinity}',
]  # fmt: skip


@pytest.mark.parametrize("usage", LIES)
def test_a_count_that_cannot_be_is_booked_as_an_estimate_and_said_once(
    fake_server: Any, usage: str, caplog: pytest.LogCaptureFixture
) -> None:
    fake_server.script(faults=[f"usage:{usage}"] * 2)
    budget = Budget(Bounds(max_cost_usd=0.01), lambda _model: Price(0.15, 0.6))
    gateway = gateway_to(fake_server.url, budget=budget)
    with caplog.at_level(logging.WARNING):
        replies = [send(gateway), send(gateway, max_tokens=101)]
    for reply in replies:
        assert reply.usage.is_estimated is True
        assert 0 < reply.usage.prompt_tokens < 1_000
        assert 0 < reply.cost_usd < 0.001
    assert budget.left_usd("run") > 0.009
    said = [record.getMessage() for record in caplog.records if "which cannot be" in record.getMessage()]
    assert len(said) == 1
    assert "127.0.0.1" in said[0]


@pytest.mark.parametrize(
    "usage",
    [
        '{"prompt_tokens": 10, "completion_tokens": 5, "cost": 750000.0}',
        '{"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9000000}}',
        '{"prompt_tokens": 10, "completion_tokens": 5, "cache_creation_input_tokens": 9000000}',
    ],
)
def test_no_figure_beside_the_counts_makes_a_call_dear(fake_server: Any, usage: str) -> None:
    fake_server.script(faults=[f"usage:{usage}"])
    reply = send(gateway_to(fake_server.url))
    assert 0 <= reply.cost_usd <= 2 * (10 * 0.15 + 5 * 0.6) / 1e6
    assert reply.usage.cached_tokens <= reply.usage.prompt_tokens


@pytest.mark.parametrize("completion", [150, 200])
def test_counting_up_to_twice_the_tokens_asked_for_is_believed(fake_server: Any, completion: int) -> None:
    fake_server.script(faults=[f'usage:{{"prompt_tokens": 10, "completion_tokens": {completion}}}'])
    usage = send(gateway_to(fake_server.url)).usage
    assert (usage.completion_tokens, usage.is_estimated) == (completion, False)


MEMORY = """
import asyncio, resource, sys
from epm.errors import ModelError
from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport

transport = LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base=sys.argv[1]))
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
async def send():
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}
    try:
        await transport.send(ChatRequest(body), timeout_s=60)
    except ModelError as error:
        return error.error_class.value
before = asyncio.run(send()) and peak()
found = [asyncio.run(send()) for _ in range(4)]
print(before, peak(), *found)
"""


def test_memory_stays_bounded_under_bombs_and_endless_bodies(fake_server: Any) -> None:
    fake_server.script(faults=["400", "big:50000000", "packed:gzip 400000000", "endless:1000000", "page:50000000"])
    done = subprocess.run([sys.executable, "-c", MEMORY, fake_server.url], capture_output=True, text=True, check=True, timeout=240)
    before, after, *classes = done.stdout.split()
    assert classes == ["reply_too_long"] * 3 + ["bad_request"]
    assert int(after) < 1_024
    assert int(after) - int(before) < 50


@pytest.mark.parametrize("kind", ["page", "error", "big", "packed:gzip "])
def test_other_work_waits_no_longer_for_large_attacks_than_for_small_ones(fake_server: Any, kind: str) -> None:
    """By the longest silence of a task that ticks every 10 ms, eight attacked calls in flight."""

    def longest_gap_s(fault: str) -> float:
        fake_server.script(faults=[fault] * 8)
        gateway = gateway_to(fake_server.url)

        async def both() -> float:
            gaps, is_done = [], asyncio.Event()

            async def tick() -> None:
                while not is_done.is_set():
                    start = time.perf_counter()
                    await asyncio.sleep(0.01)
                    gaps.append(time.perf_counter() - start)

            ticking = asyncio.create_task(tick())
            body = {"model": NAME, "max_tokens": 100}
            sends = (gateway.send(ChatRequest({**body, "messages": [{"role": "user", "content": str(i)}]}), SCOPE) for i in range(8))
            await asyncio.gather(*sends, return_exceptions=True)
            is_done.set()
            await ticking
            return max(gaps)

        return asyncio.run(both())

    longest_gap_s(_fault(kind, 1_000))  # the first calls build clients
    small, large = (min(longest_gap_s(_fault(kind, n)) for _ in range(3)) for n in (1_000, 5_000_000))
    assert large < 5 * max(small, _NOISE_S)


def _fault(kind: str, size: int) -> str:
    return f"{kind}{size}" if kind.endswith(" ") else f"{kind}:{size}"
