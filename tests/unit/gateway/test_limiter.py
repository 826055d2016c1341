from __future__ import annotations

import asyncio

from epm.gateway.limiter import Limiter


async def hold(limiter: Limiter) -> None:
    async with limiter.slot():
        await asyncio.sleep(0)


def test_a_slot_handed_to_a_waiter_in_the_moment_it_is_cancelled_is_not_lost() -> None:
    async def cancel_at_handover() -> None:
        limiter = Limiter(1)
        async with limiter.slot():
            waiter = asyncio.create_task(hold(limiter))
            await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        assert limiter.n_in_flight == 0
        await asyncio.wait_for(hold(limiter), timeout=1)

    asyncio.run(cancel_at_handover())


def test_waiters_are_served_in_the_order_in_which_they_came() -> None:
    order: list[int] = []

    async def take(limiter: Limiter, number: int) -> None:
        async with limiter.slot():
            order.append(number)
            await asyncio.sleep(0)

    async def queue() -> None:
        limiter = Limiter(2)
        await asyncio.gather(*(take(limiter, number) for number in range(6)))

    asyncio.run(queue())
    assert order == list(range(6))
