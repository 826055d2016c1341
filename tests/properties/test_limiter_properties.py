"""Slots are conserved and waiters are served in order, whatever calls come to and whenever their callers leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from epm.errors import ErrorClass, ModelError
from epm.gateway.limiter import Limiter

OUTCOMES = st.sampled_from([None, None, None, *(ErrorClass(name) for name in ("rate_limited", "overloaded", "bad_request", "bug"))])
CALLS = st.lists(
    st.tuples(st.floats(0, 2), st.floats(0, 3), OUTCOMES, st.one_of(st.none(), st.floats(0, 5)), st.sampled_from([None, None, 0.0, 2.0])),
    min_size=1,
    max_size=60,
)


@given(ceiling=st.integers(1, 12), calls=CALLS, rpm=st.sampled_from([None, None, 30, 600]))
def test_every_slot_comes_back_and_no_wake_up_is_lost(run_virtual: Callable[..., Any], ceiling: int, calls: list, rpm: int | None) -> None:
    async def all_calls() -> None:
        limiter, most = Limiter(ceiling, rpm=rpm, clock=asyncio.get_running_loop().time), 0

        async def call(comes_s: float, takes_s: float, outcome: ErrorClass | None, retry_after_s: float | None) -> None:
            nonlocal most
            await asyncio.sleep(comes_s)
            async with limiter.slot():
                most = max(most, limiter.n_in_flight)
                await asyncio.sleep(takes_s)
                if outcome is not None:
                    raise ModelError("no", outcome, retry_after_s=retry_after_s)

        tasks = []
        for comes_s, takes_s, outcome, leaves_s, retry_after_s in calls:
            task = asyncio.create_task(call(comes_s, takes_s, outcome, retry_after_s))
            tasks.append(task)
            if leaves_s is not None:
                asyncio.get_running_loop().call_later(leaves_s, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= ceiling
        state = limiter.state()
        assert (state.n_in_flight, state.n_waiting) == (0, 0)
        async with limiter.slot():  # and it still serves
            assert limiter.n_in_flight == 1

    run_virtual(all_calls())


@given(ceiling=st.integers(1, 8), leaves=st.lists(st.booleans(), min_size=1, max_size=40))
def test_those_who_stay_are_served_in_the_order_in_which_they_came(run_virtual: Callable[..., Any], ceiling: int, leaves: list) -> None:
    async def queue() -> list[int]:
        limiter, served = Limiter(ceiling, clock=asyncio.get_running_loop().time), []

        async def take(number: int) -> None:
            async with limiter.slot():
                served.append(number)
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(take(number)) for number in range(len(leaves))]
        await asyncio.sleep(0.5)
        for task, has_to_leave in zip(tasks, leaves, strict=True):
            if has_to_leave:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return served

    served = run_virtual(queue())
    assert served == sorted(served)
    assert {number for number, leaving in enumerate(leaves) if not leaving} <= set(served)
