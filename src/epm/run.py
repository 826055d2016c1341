"""Many items through one worker function: bounded, fair, interruptible.

Items are admitted in a seeded random order, so that a run cut short is a fair sample; each goes through to its last step
before its slot takes the next. There is never more than ``concurrency`` work in memory. When something must stop (a bug,
a full disk, a spent budget, Ctrl-C), admission ends, the items in flight finish, and then the reason is raised: the run
is resumed by repeating it with the items that are not done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from epm import stopping
from epm.progress import ProgressEvent, ProgressSink, silent

T = TypeVar("T")
R = TypeVar("R")


async def run_items(
    items: Sequence[T], worker: Callable[[T], Awaitable[R]], *, concurrency: int, on_result: Callable[[T, R], Awaitable[None]],
    on_progress: ProgressSink = silent, seed: int = 0, stage: str = "run",
) -> None:  # fmt: skip
    """Run ``worker`` on every item and hand each result to ``on_result``, which must make it durable.

    The worker turns an item's own failure into a result; whatever it raises stops the run after the items in flight.
    """
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)
    admission = _Admission(iter(order))
    n_done = 0

    async def work() -> None:
        nonlocal n_done
        for index in admission:
            try:
                await on_result(items[index], await worker(items[index]))
            except BaseException:
                admission.close()
                raise
            n_done += 1
            on_progress(ProgressEvent(stage, n_total=len(items), n_done=n_done))

    on_progress(ProgressEvent(stage, n_total=len(items), n_done=0))
    workers = [asyncio.create_task(work()) for _ in range(min(concurrency, len(items)))]
    if workers:
        with stopping.draining():
            await _drain(workers, admission)
    if n_done < len(items):
        stopping.check()


async def in_turn(items: Sequence[T], worker: Callable[[T], Awaitable[R]], *, concurrency: int) -> list[R]:
    """The worker's result for each item, in order, begun in order.

    When one raises, no further item is begun, those at work finish, and then it is raised: what they asked is paid for.
    """
    results: dict[int, R] = {}
    admission = _Admission(iter(range(len(items))))

    async def work() -> None:
        for index in admission:
            try:
                results[index] = await worker(items[index])
            except BaseException:
                admission.close()
                raise

    workers = [asyncio.create_task(work()) for _ in range(min(concurrency, len(items)))]
    if workers:
        try:
            with stopping.draining():
                await asyncio.wait(workers)
        except asyncio.CancelledError:  # whoever admits items decides what is finished first
            for task in workers:
                task.cancel()
            await asyncio.wait(workers)
            _consume(workers)
            raise
    _raise_first(workers)
    if len(results) < len(items):
        stopping.check()
    return [results[index] for index in range(len(items))]


class _Admission(Iterator[int]):
    """Hands each index out once, to whichever worker is free, until it is closed."""

    def __init__(self, order: Iterator[int]) -> None:
        self._order = order
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def __next__(self) -> int:
        if not self._is_open or stopping.is_requested():
            raise StopIteration
        return next(self._order)


async def _drain(workers: list[asyncio.Task[None]], admission: _Admission) -> None:
    try:
        await asyncio.wait(workers)
    except asyncio.CancelledError:  # Ctrl-C: finish what is paid for, then stop
        admission.close()
        try:
            await asyncio.wait(workers)
        finally:
            for task in workers:
                task.cancel()
        _consume(workers)
        raise
    _raise_first(workers)


def _raise_first(workers: list[asyncio.Task[None]]) -> None:
    failures = [task for task in workers if task.cancelled() or task.exception() is not None]
    if failures:
        failures[0].result()


def _consume(workers: list[asyncio.Task[None]]) -> None:
    for task in workers:
        if task.done() and not task.cancelled():
            task.exception()
