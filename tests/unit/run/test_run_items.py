from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import BudgetError, StoreError
from epm.progress import ProgressEvent
from epm.run import in_turn, run_items


class Recorder:
    """A worker that remembers what it was given and what was finished."""

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self.admitted: list[int] = []
        self.finished: list[int] = []
        self.delay_s = delay_s
        self.n_in_hand = 0
        self.most_in_hand = 0

    async def work(self, item: int) -> int:
        self.admitted.append(item)
        self.n_in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.n_in_hand)
        await asyncio.sleep(self.delay_s)
        return item * 10

    async def finish(self, item: int, result: int) -> None:
        assert result == item * 10
        await asyncio.sleep(0)
        self.n_in_hand -= 1
        self.finished.append(item)


def run(recorder: Recorder, n_items: int, **options: Any) -> None:
    asyncio.run(run_items(range(n_items), recorder.work, **{"concurrency": 4, "on_result": recorder.finish, **options}))


def test_every_item_is_worked_and_finished_once() -> None:
    recorder = Recorder()
    run(recorder, 50)
    assert sorted(recorder.finished) == list(range(50))


def test_items_are_admitted_in_a_seeded_random_order() -> None:
    first, again, other = Recorder(), Recorder(), Recorder()
    run(first, 30, seed=1, concurrency=1)
    run(again, 30, seed=1, concurrency=1)
    run(other, 30, seed=2, concurrency=1)
    assert first.admitted == again.admitted
    assert first.admitted != other.admitted
    assert first.admitted != list(range(30))


def test_an_item_in_hand_is_finished_before_its_slot_takes_the_next() -> None:
    recorder = Recorder(delay_s=0.001)
    run(recorder, 40, concurrency=3)
    assert recorder.most_in_hand == 3


def test_no_items_is_no_work() -> None:
    run(Recorder(), 0)


def test_progress_counts_up_to_the_total() -> None:
    events: list[ProgressEvent] = []
    run(Recorder(), 5, on_progress=events.append, stage="teach")
    assert [event.n_done for event in events] == [0, 1, 2, 3, 4, 5]
    assert {(event.stage, event.n_total) for event in events} == {("teach", 5)}


@pytest.mark.parametrize("where", ["worker", "on_result"])
def test_an_error_stops_admission_lets_the_items_in_hand_finish_and_is_raised(where: str) -> None:
    recorder = Recorder(delay_s=0.002)

    async def work(item: int) -> int:
        if where == "worker" and len(recorder.finished) >= 4:
            raise StoreError("disk full")
        return await recorder.work(item)

    async def finish(item: int, result: int) -> None:
        if where == "on_result" and len(recorder.finished) >= 4:
            raise StoreError("disk full")
        await recorder.finish(item, result)

    with pytest.raises(StoreError, match="disk full"):
        asyncio.run(run_items(range(100), work, concurrency=4, on_result=finish))
    assert 4 <= len(recorder.finished) < 12
    n_unfinished = len(recorder.admitted) - len(recorder.finished)
    assert n_unfinished == 0 if where == "worker" else n_unfinished >= 1


def test_cancellation_finishes_the_items_in_hand_and_no_other() -> None:
    recorder = Recorder(delay_s=0.01)

    async def interrupt() -> None:
        running = asyncio.create_task(run_items(range(100), recorder.work, concurrency=4, on_result=recorder.finish))
        await asyncio.sleep(0.005)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(interrupt())
    assert sorted(recorder.finished) == sorted(recorder.admitted)
    assert len(recorder.finished) == 4


def test_results_come_in_order_whatever_finishes_first() -> None:
    async def worker(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    delays = [0.01, 0.0, 0.005, 0.0]
    assert asyncio.run(in_turn(delays, worker, concurrency=3)) == delays
    assert asyncio.run(in_turn([], worker, concurrency=3)) == []


def test_when_one_of_several_in_turn_fails_those_at_work_finish_and_no_other_is_begun() -> None:
    begun, finished = [], []

    async def worker(item: int) -> int:
        begun.append(item)
        await asyncio.sleep(0.001 if item == 1 else 0.02)
        if item == 1:
            raise BudgetError("cap")
        finished.append(item)
        return item

    with pytest.raises(BudgetError, match="cap"):
        asyncio.run(in_turn(range(9), worker, concurrency=3))
    assert (begun, sorted(finished)) == ([0, 1, 2], [0, 2])


def test_cancelling_items_in_turn_cancels_them() -> None:
    finished = []

    async def worker(item: int) -> None:
        await asyncio.sleep(0.2)
        finished.append(item)

    async def cut_off() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_turn(range(4), worker, concurrency=2), 0.01)
        await asyncio.sleep(0)

    asyncio.run(cut_off())
    assert finished == []
