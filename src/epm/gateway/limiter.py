"""Bounded concurrency: at most ``limit`` calls in flight, first come first served.

It belongs to no event loop, so that one gateway can serve several ``asyncio.run`` calls one after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Limiter:
    """Hands out ``limit`` slots. ``n_in_flight`` is how many are taken."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.n_in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for the length of the ``async with`` block."""
        await self._acquire()
        try:
            yield
        finally:
            self._release()

    async def _acquire(self) -> None:
        if self.n_in_flight < self.limit:
            self.n_in_flight += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the slot was handed over in the moment of cancellation
                self._release()
            else:
                self._waiters.remove(waiter)
            raise

    def _release(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)  # the slot passes on: n_in_flight stays
                return
        self.n_in_flight -= 1
