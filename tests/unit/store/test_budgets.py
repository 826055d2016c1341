from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert

from epm.errors import BudgetError, ConfigError
from epm.gateway.bounds import Bounds, Spent
from epm.gateway.budget import Budget
from epm.gateway.completion import completion_body
from epm.gateway.ledger import CallRecord
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import Price
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage
from epm.store.records import RunSpec
from epm.store.schema import SCHEMA_VERSION, metadata, store_version
from epm.store.store import RunStore
from store_sql import engine_of, run_sql

SPEC = RunSpec("teach", "sha-in", "m", "sha-p", "rules", 7)


def call(run_id: str, item_id: str, role: str, cost_usd: float | None, *, is_cached: bool = False) -> CallRecord:
    return CallRecord(CallScope(run_id, item_id, role), "k", "t", "a", "b", 1, Usage(10, 5), cost_usd, 0.0, 0.0, is_cached=is_cached)


def make_version_1(address: str) -> str:
    """A store as version 1 left it: without budgets, with a run in it."""
    with RunStore.open(address) as store:
        run_id = store.begin(SPEC).run_id
    run_sql(address, "DROP TABLE budgets", "UPDATE store_version SET version = 1")
    return run_id


def test_a_store_of_version_1_is_upgraded_in_place_and_keeps_its_runs(address: str) -> None:
    run_id = make_version_1(address)
    with RunStore.open(address) as store:
        assert [run.run_id for run in store.runs()] == [run_id]
        assert store.budget("spring", 5.0).left_usd() == 5.0
    assert run_sql(address, "SELECT version FROM store_version") == [(SCHEMA_VERSION,)]
    with RunStore.open(address) as store:  # and again, now of this version
        assert store.budget("spring", None).left_usd() == 5.0


def test_a_bare_store_of_version_1_is_upgraded_too(address: str) -> None:
    engine = engine_of(address)
    old = [table for table in metadata.sorted_tables if table.name != "budgets"]
    metadata.create_all(engine, tables=old)
    with engine.begin() as connection:
        connection.execute(insert(store_version).values(version=1))
    engine.dispose()
    with RunStore.open(address) as store:
        store.budget("b", 1.0)
        store.begin(SPEC)


def test_a_budget_must_be_made_with_a_cap_and_then_keeps_it(address: str) -> None:
    with RunStore.open(address) as store:
        with pytest.raises(ConfigError, match=r"budget 'x' is unknown in this store \(budgets here: none yet\)"):
            store.budget("x", None)
        store.budget("x", 2.0)
        assert store.budget("x", None).left_usd() == 2.0
        assert store.budget("x", 3.0).left_usd() == 3.0


def test_a_charge_is_all_or_nothing_and_settling_gives_the_rest_back(address: str) -> None:
    with RunStore.open(address) as store:
        budget = store.budget("x", 1.0)

        async def charge() -> list[bool]:
            taken = [await budget.take(0.6), await budget.take(0.6)]
            budget.settle(0.6, 0.1)
            return [*taken, await budget.take(0.6), await budget.take(0.4)]

        assert asyncio.run(charge()) == [True, False, True, False]
        assert budget.left_usd() == pytest.approx(0.3)
        assert "budget 'x' is reached: $0.7000 of $1.0000 spent or in flight" in budget.refusal(0.4)


def test_a_charge_whose_caller_gave_up_is_given_back(address: str) -> None:
    with RunStore.open(address) as store:
        budget = store.budget("x", 1.0)

        async def give_up() -> None:
            taking = asyncio.create_task(budget.take(0.6))
            await asyncio.sleep(0)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking

        asyncio.run(give_up())
        store.budget("x", None)  # a write behind the charge
        store.budget("x", None)
        assert budget.left_usd() == pytest.approx(1.0)


class Billing:
    name = "billing"
    identity = "billing 1"

    def __init__(self) -> None:
        self.n_calls = 0

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.n_calls += 1
        await asyncio.sleep(0.001)
        return ChatReply(completion_body("m", {"content": "x"}), Usage(0, 100), "m", 0.0, 0.1)


def asked(i: int) -> ChatRequest:
    return ChatRequest({"model": "m", "messages": [{"role": "user", "content": f"{i:3}"}], "max_tokens": 100})


def test_two_processes_at_once_share_one_cap(address: str) -> None:
    """Two stores at one place stand for two processes."""
    transport = Billing()

    async def send_all(*gateways: MeteredGateway) -> list[object]:
        calls = [gateways[i % 2].send(asked(i), CallScope(None, str(i), "decide")) for i in range(60)]
        return await asyncio.gather(*calls, return_exceptions=True)

    with RunStore.open(address) as first, RunStore.open(address) as second:
        made = [
            MeteredGateway(
                transport, store, concurrency=4, budget=Budget(Bounds(shared="x"), lambda _m: Price(0.0, 1_000.0), shared=budget)
            )
            for store, budget in ((first, first.budget("x", 2.05)), (second, second.budget("x", None)))
        ]
        answered = asyncio.run(send_all(*made))
        first.budget("x", None)
        second.budget("x", None)
        left = first.budget("x", None).left_usd()
    assert transport.n_calls == 20
    assert sum(isinstance(one, BudgetError) for one in answered) == 40
    assert left == pytest.approx(0.05)


def test_spending_is_told_by_run_item_and_judge_and_hits_are_free(address: str) -> None:
    with RunStore.open(address) as store:
        for record in (
            call("r", "a", "teacher/decide", 0.5), call("r", "b", "teacher/decide", None), call("r", "a", "judge/core", 0.25),
            call("r", "a", "teacher/ask", 0.0, is_cached=True), call("other", "a", "teacher/ask", 9.0),
        ):  # fmt: skip
            asyncio.run(store.record_call(record, None))
        assert store.spent("r", None, judging=False) == Spent(0.5, 30)
        assert store.spent("r", "a", judging=False) == Spent(0.5, 15)
        assert store.spent("r", None, judging=True) == Spent(0.25, 15)
        assert store.spent("none", None, judging=False) == Spent()


def test_a_run_can_be_looked_for_without_being_begun(address: str) -> None:
    with RunStore.open(address) as store:
        assert store.find(SPEC) is None
        assert store.runs() == []
        store.begin(SPEC)
        latest = store.begin(SPEC, fresh=True).run_id
        assert store.find(SPEC) == latest
