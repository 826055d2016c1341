"""Admission to one account: first come first served, within the window and the rate that the server's answers allow.

It belongs to no event loop, so that one gateway can serve several ``asyncio.run`` calls one after another, and two
gateways to one account, in threads of their own, can share it.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from epm.errors import ErrorClass, ModelError
from epm.gateway.congestion import Congestion, Ticket
from epm.gateway.deadline import ItemTimeoutError
from epm.gateway.pacing import MINUTE_S, Pacer
from epm.stopping import let_go_on_stop

_STRAINS = frozenset({ErrorClass.OVERLOADED, ErrorClass.CONNECTION, ErrorClass.TIMEOUT})
_NEVER_SENT = frozenset({ErrorClass.CANCELLED, ErrorClass.BUDGET, ErrorClass.NO_CREDIT})
_TOKENS_WEIGHT = 0.2
_CHECK_S = 1.0
"""Often enough that a stopped run ends at once to the eye, seldom enough to cost nothing."""


@dataclass(frozen=True, slots=True)
class LimiterState:
    """For the live panel: calls allowed in flight, in flight, waiting; the rate if paced; seconds that admission still rests."""

    limit: int
    n_in_flight: int
    n_waiting: int
    rate_per_s: float | None
    paused_s: float


@dataclass(slots=True)
class Slot:
    """Leave to make one call. Set ``n_tokens`` to what it took; left ``None``, it took nothing."""

    ticket: Ticket
    n_tokens_charged: float
    n_tokens: int | None = None


class _Waiter:
    """One caller in the queue; ``slot`` is set when it is let in."""

    __slots__ = ("future", "is_gone", "slot")

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.slot: Slot | None = None
        self.is_gone = False


class Limiter:
    """Hands out slots, at most ``ceiling`` at a time.

    Args:
        ceiling: most calls in flight.
        rpm: hard cap of calls a minute, evenly spread.
        tpm: hard cap of tokens a minute; a call is charged the mean of those before it first, and what it took at its end.
        first_spacing_s: see ``Congestion``.
        heeds_failures: false where failures are recorded ones: nobody is spared by waiting.
        clock: monotonic seconds; tests bring their own.
    """

    def __init__(
        self, ceiling: int, *, rpm: int | None = None, tpm: int | None = None, first_spacing_s: float = 0.5,
        heeds_failures: bool = True, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.n_in_flight = 0
        self._congestion = Congestion(ceiling, first_spacing_s=first_spacing_s)
        self._calls = Pacer(None if rpm is None else rpm / MINUTE_S)
        self._tokens = Pacer(None if tpm is None else tpm / MINUTE_S)
        self._heeds_failures = heeds_failures
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[_Waiter] = deque()
        self._n_waiting = 0
        self._mean_tokens = 0.0
        self._alarm: tuple[_Waiter | None, float] = (None, 0.0)

    def state(self) -> LimiterState:
        """What the limiter does at this moment."""
        with self._lock:
            rests_s = max(0.0, self._congestion.paused_until_s - self._clock())
            return LimiterState(self._congestion.window, self.n_in_flight, self._n_waiting, self._congestion.pacer.per_s, rests_s)

    def share(self, ceiling: int, *, rpm: int | None, tpm: int | None) -> None:
        """Serve one more gateway to the account: the larger ceiling holds, and the smaller caps."""
        with self._lock:
            self._congestion.ceiling = max(ceiling, self._congestion.ceiling)
            for pacer, per_minute in ((self._calls, rpm), (self._tokens, tpm)):
                if per_minute is not None:
                    pacer.per_s = min(per_minute / MINUTE_S, pacer.per_s or math.inf)

    @asynccontextmanager
    async def slot(self, *, longest_wait_s: float | None = None, check: Callable[[], None] | None = None) -> AsyncIterator[Slot]:
        """Hold one slot for the length of the ``async with`` block; a ``ModelError`` that leaves it is heeded.

        ``check`` is called once a second while this waits; what it raises ends the waiting.

        Raises:
            ItemTimeoutError: there was none within ``longest_wait_s``.
        """
        try:
            async with asyncio.timeout(longest_wait_s), let_go_on_stop():
                slot = await self._acquire(check)
        except TimeoutError as error:
            raise ItemTimeoutError("waiting for its turn to call the model") from error
        try:
            yield slot
        except ModelError as error:
            self._release(slot, error.error_class, error.retry_after_s)
            raise
        except BaseException:
            self._release(slot, ErrorClass.CANCELLED)
            raise
        self._release(slot)

    async def _acquire(self, check: Callable[[], None] | None) -> Slot:
        waiter = _Waiter()
        with self._lock:
            self._queue.append(waiter)
            self._n_waiting += 1
            self._admit()
        while waiter.slot is None:
            try:
                await asyncio.wait((waiter.future,), timeout=None if check is None else _CHECK_S)
                if waiter.slot is None and check is not None:
                    check()
            except BaseException:
                self._give_up(waiter)
                raise
        return waiter.slot

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter.slot is not None:  # it was handed over in the moment of cancellation
            self._release(waiter.slot, ErrorClass.CANCELLED)
            return
        with self._lock:
            waiter.is_gone = True
            self._n_waiting -= 1
            self._admit()

    def _release(self, slot: Slot, failure: ErrorClass | None = None, retry_after_s: float | None = None) -> None:
        with self._lock:
            self.n_in_flight -= 1
            now_s = self._clock()
            if not self._heeds_failures:
                self._congestion.accepted(slot.ticket, now_s)
            elif failure is ErrorClass.RATE_LIMITED:
                self._congestion.refused(slot.ticket, now_s, retry_after_s)
            elif failure in _STRAINS:
                self._congestion.strained(slot.ticket, now_s)
            elif failure not in _NEVER_SENT:
                self._congestion.accepted(slot.ticket, now_s)
            self._tokens.correct((slot.n_tokens or 0) - slot.n_tokens_charged)
            if slot.n_tokens is not None:
                self._mean_tokens += _TOKENS_WEIGHT * (slot.n_tokens - self._mean_tokens)
            self._admit()

    def _admit(self) -> None:
        """Let in whoever may come in now; the caller holds the lock."""
        while self._queue:
            head = self._queue[0]
            if head.is_gone:
                self._queue.popleft()
                continue
            if self.n_in_flight >= self._congestion.window:
                return
            now_s = self._clock()
            wait_s = max(self._congestion.ready_at(), self._calls.ready_at(), self._tokens.ready_at()) - now_s
            if wait_s > 0:
                self._admit_later(head, now_s + wait_s, wait_s)
                return
            self._queue.popleft()
            self._n_waiting -= 1
            self.n_in_flight += 1
            self._calls.spend(now_s)
            self._tokens.spend(now_s, self._mean_tokens)
            ticket = self._congestion.sent(now_s, self.n_in_flight, has_queue=self._n_waiting > 0)
            head.slot = Slot(ticket, self._mean_tokens)
            _in_loop_of(head, partial(_wake, head))

    def _admit_later(self, head: _Waiter, due_s: float, wait_s: float) -> None:
        """Look again at ``due_s``, on the loop of the first in the queue: when it leaves, the next sets its own alarm."""
        waiter, alarm_s = self._alarm
        if waiter is not head or due_s < alarm_s:
            self._alarm = (head, due_s)
            _in_loop_of(head, partial(head.future.get_loop().call_later, wait_s, self._look_again))

    def _look_again(self) -> None:
        with self._lock:
            self._alarm = (None, 0.0)
            self._admit()


def _wake(waiter: _Waiter) -> None:
    if not waiter.future.done():
        waiter.future.set_result(None)


def _in_loop_of(waiter: _Waiter, action: Callable[[], object]) -> None:
    loop = waiter.future.get_loop()
    try:
        is_here = asyncio.get_running_loop() is loop
    except RuntimeError:
        is_here = False
    if is_here:
        action()
    elif not loop.is_closed():
        loop.call_soon_threadsafe(action)
