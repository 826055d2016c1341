"""The limiter against servers with limits, minutes of traffic on virtual time, no flags: used capacity and refused calls."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from epm.config import DEFAULT_CONCURRENCY
from epm.errors import ErrorClass, ModelError
from epm.gateway.account import limiter_of
from epm.gateway.backoff import LONGEST_WAIT_S, Backoff
from epm.gateway.limiter import Limiter
from epm.gateway.request import ModelSettings


@dataclass
class ConcurrencyLimit:
    """At most ``limit`` calls at work."""

    limit: int
    n_at_work: int = 0

    def enter(self, now_s: float) -> bool:
        if self.n_at_work >= self.limit:
            return False
        self.n_at_work += 1
        return True

    def leave(self) -> None:
        self.n_at_work -= 1

    def capacity(self, begin_s: float, end_s: float, mean_latency_s: float) -> float:
        return self.limit * (end_s - begin_s) / mean_latency_s


@dataclass
class TokenBucket:
    """``per_minute`` calls, refilled evenly, at most ``burst`` saved up."""

    per_minute: int
    burst: float = 10.0
    level: float = -1.0
    at_s: float = 0.0

    def enter(self, now_s: float) -> bool:
        if self.level < 0:
            self.level = self.burst
        self.level = min(self.burst, self.level + (now_s - self.at_s) * self.per_minute / 60)
        self.at_s = now_s
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def leave(self) -> None:
        pass

    def capacity(self, begin_s: float, end_s: float, mean_latency_s: float) -> float:
        return self.per_minute * (end_s - begin_s) / 60


@dataclass
class FixedWindow(TokenBucket):
    """``per_minute`` calls in each minute of the clock."""

    n: int = 0
    minute: int = -1

    def enter(self, now_s: float) -> bool:
        if int(now_s // 60) != self.minute:
            self.minute, self.n = int(now_s // 60), 0
        self.n += 1
        return self.n <= self.per_minute


@dataclass
class SlidingWindow(TokenBucket):
    """``per_minute`` calls in any sixty seconds."""

    times: deque = field(default_factory=deque)

    def enter(self, now_s: float) -> bool:
        while self.times and self.times[0] <= now_s - 60:
            self.times.popleft()
        if len(self.times) >= self.per_minute:
            return False
        self.times.append(now_s)
        return True


@dataclass
class Changing:
    """Another limit from each of the given seconds on."""

    phases: list[tuple[float, Any]]

    def at(self, now_s: float) -> Any:
        return [limit for begin_s, limit in self.phases if begin_s <= now_s][-1]

    def enter(self, now_s: float) -> bool:
        self.entered = self.at(now_s)
        return self.entered.enter(now_s)

    def capacity(self, begin_s: float, end_s: float, mean_latency_s: float) -> float:
        ends = [begin for begin, _ in self.phases[1:]] + [float("inf")]
        spans = [(max(begin, begin_s), min(end, end_s), limit) for (begin, limit), end in zip(self.phases, ends, strict=True)]
        return sum(limit.capacity(begin, end, mean_latency_s) for begin, end, limit in spans if end > begin)


@dataclass
class Traffic:
    """What came of a stretch of traffic."""

    limit: Any
    latency_s: float
    jitter: float = 0.3
    retry_after_s: float | None = None
    p_overloaded: float = 0.0
    refusal_s: float = 0.01
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    events: list[tuple[float, ErrorClass | None]] = field(default_factory=list)
    n_given_up: int = 0
    n_served: int = 0

    async def call(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.refusal_s * self.rng.uniform(0.3, 0.7))
        if self.rng.random() < self.p_overloaded:
            self.events.append((loop.time(), ErrorClass.OVERLOADED))
            raise ModelError("busy", ErrorClass.OVERLOADED)
        if not self.limit.enter(loop.time()):
            self.events.append((loop.time(), ErrorClass.RATE_LIMITED))
            raise ModelError("slow down", ErrorClass.RATE_LIMITED, retry_after_s=self.retry_after_s)
        limit = getattr(self.limit, "entered", self.limit)
        self.events.append((loop.time(), None))
        try:
            await asyncio.sleep(self.latency_s * self.rng.uniform(1 - self.jitter, 1 + self.jitter))
        finally:
            limit.leave()
        await asyncio.sleep(self.refusal_s * self.rng.uniform(0.3, 0.7))

    async def client(self, limiter: Limiter, n_workers: int, until_s: float) -> None:
        backoff, loop = Backoff(first_s=0.5, seed=0), asyncio.get_running_loop()

        async def item() -> None:
            attempt = 1
            while True:
                try:
                    async with limiter.slot():
                        await self.call()
                except ModelError as error:
                    wait_s = backoff.wait_s(attempt, error.retry_after_s, error.error_class)
                    if attempt == 4 or wait_s > LONGEST_WAIT_S:
                        self.n_given_up += 1
                        return
                else:
                    return
                await asyncio.sleep(wait_s)
                attempt += 1

        async def work() -> None:
            while loop.time() < until_s:
                await item()
                self.n_served += 1

        await asyncio.gather(*(work() for _ in range(n_workers)))

    def shares(self, begin_s: float, end_s: float) -> tuple[float, float]:
        """The share of the capacity that was used, and of calls that were refused with 429."""
        seen = [error for at_s, error in self.events if begin_s <= at_s < end_s]
        n_refused = seen.count(ErrorClass.RATE_LIMITED)
        return seen.count(None) / self.limit.capacity(begin_s, end_s, self.latency_s), n_refused / max(1, len(seen))


MINUTES_S = 300.0
MEASURED_FROM_S = 120.0
LEAST_SHARE, MOST_REFUSED = 0.90, 0.05


@pytest.fixture
def drive(run_virtual: Callable[..., Any]) -> Callable[..., Limiter]:
    """Sixty-four workers that ask without a rest."""

    def run(traffic: Traffic, *, until_s: float = MINUTES_S, **caps: Any) -> Limiter:
        async def ask() -> Limiter:
            limiter = Limiter(DEFAULT_CONCURRENCY, clock=asyncio.get_running_loop().time, **caps)
            await traffic.client(limiter, DEFAULT_CONCURRENCY, until_s)
            return limiter

        return run_virtual(ask())

    return run


SERVERS = {
    "37 at once": Traffic(ConcurrencyLimit(37), 1.0),
    "37 at once, 3 s": Traffic(ConcurrencyLimit(37), 3.0),
    "37 at once, very uneven": Traffic(ConcurrencyLimit(37), 1.0, jitter=0.9),
    "37 at once, Retry-After": Traffic(ConcurrencyLimit(37), 1.0, retry_after_s=1.0),
    "37 at once, some overloaded": Traffic(ConcurrencyLimit(37), 1.0, p_overloaded=0.03),
    "4 at once": Traffic(ConcurrencyLimit(4), 1.0),
    "600 a minute, bucket, 0.05 s": Traffic(TokenBucket(600), 0.05),
    "600 a minute, bucket, 1 s": Traffic(TokenBucket(600), 1.0),
    "600 a minute, bucket, 3 s": Traffic(TokenBucket(600), 3.0),
    "600 a minute, full bucket": Traffic(TokenBucket(600, burst=600.0), 1.0),
    "600 a minute, bucket, Retry-After": Traffic(TokenBucket(600), 1.0, retry_after_s=1.0),
    "600 a minute, fixed window": Traffic(FixedWindow(600), 0.05),
    "600 a minute, fixed window, 3 s": Traffic(FixedWindow(600), 3.0),
    "600 a minute, fixed window, Retry-After": Traffic(FixedWindow(600), 1.0, retry_after_s=5.0),
    "600 a minute, sliding window": Traffic(SlidingWindow(600), 1.0),
    "12, then 37 at once": Traffic(Changing([(0, ConcurrencyLimit(12)), (60, ConcurrencyLimit(37))]), 1.0),
    "37, 12, 37 at once": Traffic(Changing([(0, ConcurrencyLimit(37)), (150, ConcurrencyLimit(12)), (220, ConcurrencyLimit(37))]), 1.0),
    "600, 300, 600 a minute": Traffic(Changing([(0, TokenBucket(600)), (150, TokenBucket(300)), (220, TokenBucket(600))]), 1.0),
}


@pytest.mark.parametrize("name", SERVERS)
def test_the_capacity_is_used_and_few_calls_are_refused(drive: Callable[..., Limiter], name: str) -> None:
    traffic = SERVERS[name]
    drive(traffic)
    share, refused = traffic.shares(MEASURED_FROM_S, MINUTES_S)
    assert share >= LEAST_SHARE
    assert refused <= MOST_REFUSED
    assert traffic.n_given_up == 0


def test_a_healthy_server_gets_all_that_is_allowed_within_seconds(drive: Callable[..., Limiter]) -> None:
    traffic = Traffic(ConcurrencyLimit(1000), 1.0)
    limiter = drive(traffic, until_s=10.0)
    assert limiter.state().limit == DEFAULT_CONCURRENCY
    assert len(traffic.events) > 0.6 * 10 * DEFAULT_CONCURRENCY


@pytest.mark.parametrize(("rpm", "most_in_a_minute"), [(60, 62), (300, 302)])
def test_a_cap_of_calls_a_minute_is_never_exceeded(drive: Callable[..., Limiter], rpm: int, most_in_a_minute: int) -> None:
    traffic = Traffic(ConcurrencyLimit(1000), 0.2)
    drive(traffic, until_s=150.0, rpm=rpm)
    times = [at_s for at_s, _ in traffic.events]
    busiest = max(sum(start <= at_s < start + 60 for at_s in times) for start in times)
    assert 0.95 * rpm <= busiest <= most_in_a_minute


def test_a_cap_of_tokens_a_minute_holds_whatever_the_calls_take(run_virtual: Callable[..., Any]) -> None:
    async def ask() -> list[tuple[float, int]]:
        limiter, spent = Limiter(8, tpm=6000, clock=asyncio.get_running_loop().time), []

        async def work(n_tokens: int) -> None:
            while asyncio.get_running_loop().time() < 180:
                async with limiter.slot() as slot:
                    await asyncio.sleep(1.0)
                    slot.n_tokens = n_tokens
                    spent.append((asyncio.get_running_loop().time(), n_tokens))

        await asyncio.gather(*(work(n_tokens) for n_tokens in (50, 100, 100, 150, 200)))
        return spent

    spent = run_virtual(ask())
    in_a_minute = sum(n_tokens for at_s, n_tokens in spent if 60 <= at_s < 120)
    assert 0.9 * 6000 <= in_a_minute <= 1.1 * 6000


def test_retry_after_rests_every_admission_and_no_longer_than_the_bound(drive: Callable[..., Limiter]) -> None:
    for asked_s, rests_s in ((10.0, 10.0), (3600.0, 120.0)):
        traffic = Traffic(ConcurrencyLimit(2), 1.0, retry_after_s=asked_s)
        drive(traffic, until_s=130.0)
        first = next(at_s for at_s, error in traffic.events if error is ErrorClass.RATE_LIMITED)
        after = [at_s - first for at_s, _ in traffic.events if at_s > first + 0.1]
        assert min(after) == pytest.approx(rests_s, abs=0.1)


def test_a_server_that_is_down_is_tried_now_and_then_and_not_hammered(drive: Callable[..., Limiter]) -> None:
    traffic = Traffic(ConcurrencyLimit(37), 0.5, p_overloaded=1.0)
    drive(traffic, until_s=60.0)
    assert 1 <= sum(30 <= at_s < 60 for at_s, _ in traffic.events) <= 12


def test_two_gateways_to_one_account_share_one_limiter_and_others_do_not() -> None:
    model = ModelSettings("openai/a", api_base="http://one", api_key_env="KEY", rpm=600)
    first = limiter_of(model, concurrency=8)
    assert limiter_of(ModelSettings("openai/b", api_base="http://one", api_key_env="KEY"), concurrency=32) is first
    for other in (ModelSettings("openai/a", api_base="http://two", api_key_env="KEY"), ModelSettings("openai/a", api_base="http://one")):
        assert limiter_of(other, concurrency=8) is not first
