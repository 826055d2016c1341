from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from epm.errors import BudgetError, ConfigError, EpmError, ErrorClass, ModelError
from epm.gateway.bounds import Bounds, Spent
from epm.gateway.budget import Budget
from epm.gateway.completion import completion_body
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import Price
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage
from epm.gateway.tokens import most_tokens

PRICE = Price(1.0, 10.0)
MAX_TOKENS = 1_000


def request(text: str = "hello", max_tokens: int = MAX_TOKENS) -> ChatRequest:
    return ChatRequest({"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": max_tokens})


def worst_usd(asked: ChatRequest) -> float:
    return PRICE.cost_usd(most_tokens(asked.body))


def scope(item: str = "i", role: str = "decide", run: str | None = "run") -> CallScope:
    return CallScope(run, item, role)


class BillingTransport:
    """Bills what it is told to for each call, and knows what it has billed in all."""

    name = "billing"
    identity = "billing 1"

    def __init__(self, usage: Usage, *, delay_s: float = 0.0, price: Price = PRICE) -> None:
        self.usage = usage
        self.delay_s = delay_s
        self.price = price
        self.n_calls = 0
        self.billed_usd = 0.0

    async def send(self, asked: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.n_calls += 1
        await asyncio.sleep(self.delay_s)
        cost_usd = self.price.cost_usd(self.usage)
        self.billed_usd += cost_usd
        return ChatReply(completion_body("m-1", {"content": "ok"}), self.usage, "m-1", 0.0, cost_usd)


def gateway_over(transport: Any, bounds: Bounds, *, price: Price | None = PRICE, log: Any = None, **settings: Any) -> MeteredGateway:
    return MeteredGateway(transport, None, backoff_s=0.001, budget=Budget(bounds, lambda _model: price, log=log), **settings)


def send_all(gateway: MeteredGateway, n: int, *, start: int = 0, **more: Any) -> list[ChatReply | BaseException]:
    async def send() -> list[ChatReply | BaseException]:
        return await asyncio.gather(
            *(gateway.send(request(f"{i:4}"), scope(**more)) for i in range(start, start + n)), return_exceptions=True
        )

    return asyncio.run(send())


def test_the_worst_case_is_held_before_a_call_so_the_cap_is_never_passed() -> None:
    transport = BillingTransport(Usage(300, MAX_TOKENS), delay_s=0.001)
    gateway = gateway_over(transport, Bounds(max_cost_usd=0.1), concurrency=8)
    answered = send_all(gateway, 40)
    refused = [one for one in answered if isinstance(one, BudgetError)]
    assert refused
    assert len(refused) + transport.n_calls == 40
    assert transport.billed_usd <= 0.1
    assert transport.n_calls == int(0.1 / 0.0103)


def test_a_cheap_reply_frees_what_its_worst_case_had_held() -> None:
    transport = BillingTransport(Usage(100, 10), delay_s=0.001)
    gateway = gateway_over(transport, Bounds(max_cost_usd=0.02), concurrency=16)
    answered = send_all(gateway, 100)
    # each may cost 0.0104 and does cost 0.0002: a cap that only ever held worst cases would let one call through
    assert transport.n_calls == pytest.approx((0.02 - worst_usd(request("0000"))) / 0.0002 + 1, abs=1.5)
    assert transport.billed_usd <= 0.02
    assert sum(isinstance(one, BudgetError) for one in answered) == 100 - transport.n_calls


def test_the_refusal_says_what_is_spent_and_which_option_goes_on() -> None:
    (answered,) = send_all(gateway_over(BillingTransport(Usage(1, 1)), Bounds(max_cost_usd=0.001)), 1)
    assert isinstance(answered, BudgetError)
    assert "the cap of this run is reached: $0.0000 of $0.0010 spent" in str(answered)
    assert "larger --max-cost-usd" in str(answered)


def test_a_cap_on_tokens_needs_no_price() -> None:
    transport = BillingTransport(Usage(100, 900))
    gateway = gateway_over(transport, Bounds(max_tokens=5_000), price=None, concurrency=1)
    answered = send_all(gateway, 20)
    assert transport.n_calls == 4
    assert "4,000 of 5,000 tokens spent" in str(answered[-1])


def test_an_item_that_needs_more_than_its_cap_fails_by_itself_and_others_go_on() -> None:
    transport = BillingTransport(Usage(300, MAX_TOKENS))
    gateway = gateway_over(transport, Bounds(max_item_cost_usd=0.025), concurrency=1)
    first, second = send_all(gateway, 5, item="dear"), asyncio.run(gateway.send(request("other"), scope("cheap")))
    failed = [one for one in first if isinstance(one, EpmError)]
    assert [type(one) for one in failed] == [ModelError] * 3
    assert {one.error_class for one in failed if isinstance(one, ModelError)} == {ErrorClass.BUDGET}
    assert "item 'dear'" in str(failed[0])
    assert second.cost_usd == pytest.approx(0.0103)


def test_money_is_refused_at_an_unknown_price_before_anything_is_sent() -> None:
    transport = BillingTransport(Usage(1, 1))
    (answered,) = send_all(gateway_over(transport, Bounds(max_cost_usd=1.0), price=None), 1)
    assert isinstance(answered, ConfigError)
    assert "--price IN,OUT" in str(answered)
    assert "--base-model" in str(answered)
    assert transport.n_calls == 0


def test_without_a_bound_an_unknown_price_passes_and_stays_unknown() -> None:
    gateway = gateway_over(BillingTransport(Usage(1, 1)), Bounds(), price=None)
    (answered,) = send_all(gateway, 1)
    assert isinstance(answered, ChatReply)


def test_cache_hits_are_free_and_hold_nothing() -> None:
    transport = BillingTransport(Usage(300, MAX_TOKENS))
    gateway = gateway_over(transport, Bounds(max_cost_usd=0.011))
    first, again = (asyncio.run(gateway.send(request(), scope())) for _ in range(2))
    assert (first.is_cached, again.is_cached, again.cost_usd) == (False, True, 0.0)


class Stalling(BillingTransport):
    async def send(self, asked: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.n_calls += 1
        await asyncio.sleep(60)
        raise AssertionError


@pytest.mark.parametrize("error_class", [ErrorClass.TIMEOUT, ErrorClass.CONNECTION])
def test_a_lost_call_is_settled_and_recorded_at_its_worst_case_and_flagged(scripted: Any, error_class: ErrorClass) -> None:
    transport = scripted(ModelError("gone", error_class))
    gateway = gateway_over(transport, Bounds(max_cost_usd=3 * worst_usd(request())), max_attempts=9)
    with pytest.raises(BudgetError):
        asyncio.run(gateway.send(request(), scope()))
    assert len(transport.requests) == 3
    assert isinstance(gateway.log, MemoryCallLog)
    for call in gateway.log.calls:
        assert call.cost_usd == pytest.approx(worst_usd(request()))
        assert call.usage == most_tokens(request().body)
        assert call.usage.is_estimated


def test_a_cancelled_call_is_settled_at_its_worst_case() -> None:
    transport = Stalling(Usage(1, 1))
    gateway = gateway_over(transport, Bounds(max_cost_usd=1.5 * worst_usd(request())))

    async def cut_off() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gateway.send(request(), scope()), 0.01)

    asyncio.run(cut_off())
    assert gateway.budget.left_usd("run") == pytest.approx(0.5 * worst_usd(request()))


@pytest.mark.parametrize("error_class", [ErrorClass.RATE_LIMITED, ErrorClass.OVERLOADED, ErrorClass.BAD_REQUEST, ErrorClass.AUTH])
def test_a_refused_call_costs_nothing(scripted: Any, error_class: ErrorClass) -> None:
    gateway = gateway_over(scripted(ModelError("no", error_class)), Bounds(max_cost_usd=1.0), max_attempts=2)
    with pytest.raises(ModelError):
        asyncio.run(gateway.send(request(), scope()))
    assert gateway.budget.left_usd("run") == 1.0


def test_an_attempt_that_breaks_in_our_own_code_still_settles_so_nobody_waits_forever() -> None:
    class Broken(BillingTransport):
        async def send(self, asked: ChatRequest, *, timeout_s: float) -> ChatReply:
            await asyncio.sleep(0.001)
            raise KeyError("bug")

    gateway = gateway_over(Broken(Usage(1, 1)), Bounds(max_cost_usd=1.5 * worst_usd(request("0000"))))
    answered = send_all(gateway, 3)
    assert sorted(type(one).__name__ for one in answered) == ["BudgetError", "BudgetError", "KeyError"]


class Remembering:
    """What earlier processes spent."""

    def __init__(self, spent: Spent) -> None:
        self.given = spent
        self.asked: list[tuple[str, str | None, bool]] = []

    def spent(self, run_id: str, item_id: str | None, *, judging: bool) -> Spent:
        self.asked.append((run_id, item_id, judging))
        return self.given


def test_what_earlier_processes_spent_on_the_run_counts() -> None:
    log = Remembering(Spent(0.995, 7))
    transport = BillingTransport(Usage(300, MAX_TOKENS))
    (refused,) = send_all(gateway_over(transport, Bounds(max_cost_usd=1.0), log=log), 1)
    assert isinstance(refused, BudgetError)
    assert transport.n_calls == 0
    (allowed,) = send_all(gateway_over(transport, Bounds(max_cost_usd=2.0), log=log), 1)
    assert isinstance(allowed, ChatReply)


def test_judges_of_a_run_and_the_run_itself_have_each_their_own_account() -> None:
    gateway = gateway_over(BillingTransport(Usage(300, MAX_TOKENS)), Bounds(max_cost_usd=0.011), log=(log := Remembering(Spent())))
    (taught,), (judged,) = send_all(gateway, 1), send_all(gateway, 1, start=1, role="judge/core")
    assert isinstance(taught, ChatReply)
    assert isinstance(judged, ChatReply)
    assert log.asked == [("run", None, False), ("run", None, True)]


def test_the_cap_of_an_estimate_holds_beside_a_larger_one() -> None:
    transport = BillingTransport(Usage(300, MAX_TOKENS))
    answered = send_all(gateway_over(transport, Bounds(max_cost_usd=9.0, max_sample_usd=0.021), concurrency=1), 5)
    assert transport.n_calls == 2
    assert "the cap of this estimate" in str(answered[-1])


def test_one_budget_serves_several_event_loops() -> None:
    gateway = gateway_over(BillingTransport(Usage(100, 10), delay_s=0.001), Bounds(max_cost_usd=0.012), concurrency=4)
    assert all(isinstance(one, ChatReply) for one in [*send_all(gateway, 3, item="a"), *send_all(gateway, 3, start=3, item="b")])


@pytest.mark.parametrize("seed", range(5))
def test_whatever_calls_cost_the_cap_holds_and_nobody_is_refused_while_there_is_room(seed: int) -> None:
    rng = random.Random(seed)

    class Uneven(BillingTransport):
        async def send(self, asked: ChatRequest, *, timeout_s: float) -> ChatReply:
            size = json.loads(str(asked.body["messages"][0]["content"]))  # type: ignore[index]
            self.usage = Usage(100, size)
            await asyncio.sleep(rng.random() / 500)
            usage = Usage(100, size)
            cost_usd = PRICE.cost_usd(usage)
            self.billed_usd += cost_usd
            return ChatReply(completion_body("m", {"content": "x"}), usage, "m", 0.0, cost_usd)

    transport = Uneven(Usage(0, 0))
    cap = rng.uniform(0.05, 0.3)
    gateway = gateway_over(transport, Bounds(max_cost_usd=cap), concurrency=rng.randint(1, 16))

    async def send() -> list[object]:
        sizes = [rng.randint(1, MAX_TOKENS) for _ in range(120)]
        return await asyncio.gather(
            *(gateway.send(request(str(size)), scope(str(i))) for i, size in enumerate(sizes)), return_exceptions=True
        )

    answered = asyncio.run(send())
    assert transport.billed_usd <= cap + 1e-9
    assert any(isinstance(one, BudgetError) for one in answered)
    assert transport.billed_usd > cap - worst_usd(request("1000"))


def test_a_free_server_needs_no_limit_in_its_requests() -> None:
    gateway = gateway_over(BillingTransport(Usage(5, 5), price=Price(0.0, 0.0)), Bounds(max_cost_usd=0.0), price=Price(0.0, 0.0))
    asked = ChatRequest({"model": "m", "messages": [{"role": "user", "content": "x"}]})
    assert asyncio.run(gateway.send(asked, scope())).cost_usd == 0.0


def test_what_follows_may_spend_what_was_left_of_money_and_tokens() -> None:
    gateway = gateway_over(BillingTransport(Usage(300, 100)), Bounds(max_cost_usd=1.0, max_tokens=10_000, max_item_cost_usd=0.5))
    send_all(gateway, 2, run=None)
    rest = gateway.budget.rest()

    assert rest.max_cost_usd == pytest.approx(1.0 - 2 * PRICE.cost_usd(Usage(300, 100)))
    assert (rest.max_tokens, rest.max_item_cost_usd) == (10_000 - 2 * 400, 0.5)
    assert Budget().rest() == Bounds()
