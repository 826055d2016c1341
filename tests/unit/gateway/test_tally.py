from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import ErrorClass, ModelError
from epm.gateway.dry_run import DryGateway
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatRequest
from epm.gateway.tally import ItemSpending, Tally


def request(text: str) -> ChatRequest:
    messages = [{"role": "system", "content": "rules"}, {"role": "user", "content": text}]
    return ChatRequest(
        {"model": "m", "messages": messages, "response_format": {"type": "json_schema", "json_schema": {"schema": {"a": 1}}}}
    )


def send(gateway: MeteredGateway, *asked: tuple[str, str]) -> None:
    async def send_in_turn() -> None:
        for item, text in asked:
            await gateway.send(request(text), CallScope(None, item, "decide"))

    asyncio.run(send_in_turn())


def test_calls_are_added_up_by_item(scripted: Any) -> None:
    gateway = MeteredGateway(scripted("x"), None)
    tally = Tally.of(gateway)
    send(gateway, ("a", "1"), ("a", "2"), ("b", "3"))
    assert tally.items == {"a": ItemSpending(2, 24, 0.5, 0.5), "b": ItemSpending(1, 12, 0.25, 0.25)}


def test_attempts_that_failed_count_too(scripted: Any) -> None:
    gateway = MeteredGateway(scripted(ModelError("busy", ErrorClass.OVERLOADED), "x"), None, backoff_s=0.001)
    tally = Tally.of(gateway)
    send(gateway, ("a", "1"))
    assert tally.items["a"].calls == 2


def test_a_reply_kept_by_an_earlier_command_counts_at_what_it_cost_then_and_only_once(scripted: Any) -> None:
    log, transport = MemoryCallLog(), scripted("x")
    send(MeteredGateway(transport, log), ("a", "1"))
    gateway = MeteredGateway(transport, log)
    tally = Tally.of(gateway)
    send(gateway, ("a", "1"), ("b", "1"), ("b", "2"), ("c", "2"))
    assert tally.items == {"a": ItemSpending(1, 12, 0.25, 0.0), "b": ItemSpending(1, 12, 0.25, 0.25)}
    assert len(transport.requests) == 2


def test_a_dry_run_keeps_the_first_prompt_of_each_item_in_each_role() -> None:
    gateway = DryGateway()

    async def ask(item: str, role: str, text: str) -> None:
        with pytest.raises(ModelError) as caught:
            await gateway.send(request(text), CallScope(None, item, role))
        assert caught.value.error_class is ErrorClass.CANCELLED

    for item, role, text in (
        ("a", "teacher/ask", "1"),
        ("a", "teacher/decide", "2"),
        ("b", "judge/core", "3"),
        ("b", "judge/variant", "4"),
    ):
        asyncio.run(ask(item, role, text))
    assert [(p.item_id, p.role, p.model, p.system, p.user) for p in gateway.prompts] == [
        ("a", "teacher/ask", "m", "rules", "1"), ("a", "teacher/decide", "m", "rules", "2"), ("b", "judge/core", "m", "rules", "3"), ("b", "judge/variant", "m", "rules", "4"),
    ]  # fmt: skip
    assert gateway.prompts[0].schema == {"a": 1}
