from __future__ import annotations

import asyncio

import pytest

from epm.cli.progress import describe, progress_sink
from epm.gateway.completion import completion_body
from epm.gateway.limiter import Limiter, LimiterState
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage
from epm.gateway.transports.rules import RulesTransport
from epm.gateway.watching import with_traffic
from epm.progress import ProgressEvent


def test_cost_by_item_speed_and_time_left_are_of_the_items_of_this_command() -> None:
    event = ProgressEvent("teach", n_total=1000, n_done=600, n_failed=2, n_cached=3, cost_usd=0.5, n_before=500)
    assert describe(event, 10.0) == "teach: 600/1,000, 2 failed, 3 cached, $0.5000 ($0.00500/item), 10.0/s, 40 s left"
    untouched = ProgressEvent("teach", n_total=1000, n_done=500, n_before=500)
    assert describe(untouched, 10.0) == "teach: 500/1,000"


class Talking:
    name, identity, host = "talking", "talking 1", "http://h:1"

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        return ChatReply(completion_body("m", {"content": "hm"}), Usage(10, 2), "m", 0.0, cost_usd=0.0)


def test_failed_unscored_and_cached_items_are_counted_apart() -> None:
    event = ProgressEvent("judge core", n_total=10, n_done=8, n_failed=1, n_unscored=2, n_cached=3)
    assert describe(event, 0.0) == "judge core: 8/10, 1 failed, 2 unscored, 3 cached"


def test_tokens_a_second_are_of_the_stage_and_read_when_the_line_is_drawn() -> None:
    transport = Talking()
    gateway, events = MeteredGateway(transport, None), []

    def ask(text: str) -> None:
        asyncio.run(gateway.send(ChatRequest({"model": "m", "messages": [{"content": text}]}), CallScope(None, None, "r")))

    show = with_traffic(events.append, gateway)
    ask("before the stage")
    show(ProgressEvent("teach", 10, 0))
    assert "tokens/s" not in describe(events[0], 2.0)
    ask("a")
    ask("a")  # a cached reply moved no tokens
    assert "6 tokens/s" in describe(events[0], 2.0)
    show(ProgressEvent("judge", 10, 0))
    ask("b")
    assert [describe(event, 2.0).split(", ")[1] for event in events] == ["12 tokens/s", "6 tokens/s"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (LimiterState(37, 36, 20, None, 0.0), "36 of 37 calls in flight"),
        (LimiterState(64, 8, 56, 9.8, 0.0), "8 of 64 calls in flight at 588/min"),
        (LimiterState(8, 0, 64, None, 12.2), "0 of 8 calls in flight, paused for 13 s"),
    ],
)
def test_what_the_account_lets_through_is_told_until_the_stage_is_done(state: LimiterState, said: str) -> None:
    assert describe(ProgressEvent("teach", 10, 0, limiter=lambda: state), 1.0) == f"teach: 0/10, {said}"
    assert "in flight" not in describe(ProgressEvent("teach", 10, 10, limiter=lambda: state), 1.0)


def test_the_limiter_is_read_when_the_line_is_drawn_and_only_where_calls_leave_the_process() -> None:
    class Elsewhere(RulesTransport):
        host = "http://h:1"

    async def look() -> list[str]:
        limiter, events = Limiter(8), []
        with_traffic(events.append, MeteredGateway(Elsewhere(), None, limiter=limiter))(ProgressEvent("teach", 10, 0))
        async with limiter.slot():
            within = describe(events[0], 1.0)
        return [within, describe(events[0], 1.0)]

    assert asyncio.run(look()) == ["teach: 0/10, 1 of 8 calls in flight", "teach: 0/10, 0 of 8 calls in flight"]
    events: list[ProgressEvent] = []
    for gateway in (None, MeteredGateway(RulesTransport(), None)):
        with_traffic(events.append, gateway)(ProgressEvent("teach", 10, 0))
    assert [event.limiter for event in events] == [None, None]


def test_a_terminal_gets_one_live_line_for_each_stage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_sink() as sink:
        sink(ProgressEvent("index", 2, 2))
        sink(ProgressEvent("teach", 9, 3, cost_usd=0.3, limiter=lambda: LimiterState(4, 2, 0, None, 0.0)))
    shown = capsys.readouterr().err
    assert "index: 2/2" in shown
    assert "teach: 3/9, $0.3000 ($0.10000/item)" in shown
    assert "2 of 4 calls in flight" in shown
