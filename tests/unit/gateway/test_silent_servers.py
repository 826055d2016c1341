"""The breaker against servers that answer nothing, or little, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from epm.errors import ErrorClass, ModelError, RunStoppedError
from epm.gateway.bounds import Bounds
from epm.gateway.breaker import CircuitBreaker
from epm.gateway.budget import Budget
from epm.gateway.completion import completion_body
from epm.gateway.limiter import Limiter
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import Price
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage

UNREACHED = ModelError("refused", ErrorClass.CONNECTION, is_unsent=True)
BUSY = ModelError("busy", ErrorClass.OVERLOADED)
LIMITED = ModelError("slow down", ErrorClass.RATE_LIMITED)


class Server:
    """Asks ``says`` at each call what to raise (``None``: answer) and how long it takes."""

    name = "server"
    identity = "server 1"

    def __init__(self, says: Callable[[float, int], tuple[ModelError | None, float]]) -> None:
        self.says = says
        self.n_asked = self.n_answered = 0

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.n_asked += 1
        error, takes_s = self.says(asyncio.get_running_loop().time(), self.n_asked)
        await asyncio.sleep(takes_s)
        if error is not None:
            raise error
        self.n_answered += 1
        return ChatReply(completion_body("m", {"content": "fine"}), Usage(1, 1), "m", takes_s, cost_usd=0.0)


def always(error: ModelError | None, takes_s: float = 0.05) -> Server:
    return Server(lambda _now_s, _n: (error, takes_s))


@pytest.fixture
def drive(run_virtual: Callable[..., Any]) -> Callable[..., tuple[list[object], float]]:
    """What many questions come to, and after how many seconds the last of them ended."""

    def run(server: Server, *, n: int = 200, concurrency: int = 64, stagger_s: float = 0.0, **more: Any) -> tuple[list[object], float]:
        async def ask_all() -> tuple[list[object], float]:
            clock = asyncio.get_running_loop().time
            breaker = CircuitBreaker(timeout_s=more.get("timeout_s", 60.0), clock=clock)
            gateway = MeteredGateway(server, None, limiter=Limiter(concurrency, clock=clock), breaker=breaker, **more)
            gate = asyncio.Semaphore(concurrency)

            async def ask(i: int) -> object:
                await asyncio.sleep(i * stagger_s)
                async with gate:
                    asked = ChatRequest({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": str(i)}]})
                    return await gateway.send(asked, CallScope("run", str(i), "decide"))

            found = await asyncio.gather(*(ask(i) for i in range(n)), return_exceptions=True)
            run.gateway = gateway  # type: ignore[attr-defined]
            return found, clock()

        return run_virtual(ask_all())

    return run


def stopped(outcomes: list[object]) -> list[RunStoppedError]:
    return [outcome for outcome in outcomes if isinstance(outcome, RunStoppedError)]


@pytest.mark.parametrize("concurrency", [1, 8, 64])
@pytest.mark.parametrize(
    ("error", "takes_s", "bound_s"), [(UNREACHED, 0.001, 10), (UNREACHED, 8.0, 40), (BUSY, 0.05, 60), (LIMITED, 0.05, 60)]
)
def test_a_run_on_a_dead_server_ends(drive: Any, error: ModelError, takes_s: float, bound_s: float, concurrency: int) -> None:
    outcomes, elapsed_s = drive(always(error, takes_s), concurrency=concurrency)
    assert stopped(outcomes)
    assert elapsed_s <= bound_s


def test_connections_that_hang_end_within_two_rounds_of_them(drive: Any) -> None:
    assert drive(always(UNREACHED, 8.0))[1] <= 16


def test_connections_that_hang_one_after_another_end_as_soon(drive: Any) -> None:
    server = always(UNREACHED, 8.0)
    outcomes, _ = drive(server, n=40, concurrency=8, stagger_s=1.5)
    assert stopped(outcomes)
    assert server.n_asked <= 14  # the fourth of them failed after 12.5 s


def test_a_stalled_server_ends_after_two_deadlines_and_the_calls_in_flight(drive: Any) -> None:
    outcomes, elapsed_s = drive(always(ModelError("late", ErrorClass.TIMEOUT), 60.0))
    assert stopped(outcomes)
    assert 120 <= elapsed_s <= 200


@pytest.mark.parametrize("pause_s", [121.0, 86_400.0])
@pytest.mark.parametrize("error_class", [ErrorClass.RATE_LIMITED, ErrorClass.OVERLOADED])
def test_a_pause_longer_than_is_waited_ends_the_run_at_once_and_names_the_time(drive: Any, error_class: ErrorClass, pause_s: float) -> None:
    server = always(ModelError("later", error_class, retry_after_s=pause_s))
    outcomes, elapsed_s = drive(server)
    assert elapsed_s <= 2
    assert server.n_asked <= 8
    assert "repeat after " in str(stopped(outcomes)[0])


def test_a_pause_that_is_waited_is_kept_once_and_not_again_and_again(drive: Any) -> None:
    asked = ModelError("later", ErrorClass.RATE_LIMITED, retry_after_s=90.0)
    healthy = Server(lambda now_s, _n: (asked if now_s < 80 else None, 0.05))
    assert not stopped(drive(healthy, n=20)[0])
    outcomes, elapsed_s = drive(always(asked))
    assert stopped(outcomes)
    assert elapsed_s <= 120


@pytest.mark.parametrize("error", [UNREACHED, BUSY, LIMITED])
def test_a_server_that_answered_and_then_dies_ends_the_run_too(drive: Any, error: ModelError) -> None:
    server = Server(lambda now_s, _n: (None if now_s < 20 else error, 1.0))
    outcomes, elapsed_s = drive(server, n=5_000)
    assert stopped(outcomes)
    assert server.n_answered > 100
    assert elapsed_s <= 200


@pytest.mark.parametrize("error", [UNREACHED, BUSY, LIMITED])
def test_a_server_that_is_away_for_a_minute_does_not_end_a_run_that_it_answered(drive: Any, error: ModelError) -> None:
    server = Server(lambda now_s, _n: (error if 10 <= now_s < 70 else None, 1.0))
    assert not stopped(drive(server, n=5_000)[0])


@pytest.mark.parametrize("error", [BUSY, LIMITED])
def test_a_server_that_answers_one_call_in_twenty_is_not_dead(drive: Any, error: ModelError) -> None:
    server = Server(lambda _now_s, n: (None if n % 20 == 0 else error, 0.05))
    assert not stopped(drive(server)[0])


def test_calls_that_a_slow_server_holds_may_yet_be_answered(drive: Any) -> None:
    server = Server(lambda _now_s, n: (None, 55.0) if n <= 2 else (LIMITED, 0.05))
    server.says = lambda now_s, n: (None, 55.0) if n <= 2 or now_s > 55 else (LIMITED, 0.05)
    assert not stopped(drive(server, n=12, concurrency=8)[0])


def test_queued_questions_do_not_each_burn_their_tries(drive: Any) -> None:
    server = always(LIMITED)
    drive(server, n=1_000)
    assert server.n_asked < 64


def test_the_message_says_class_counts_last_error_and_what_to_do(drive: Any) -> None:
    said = str(stopped(drive(always(BUSY))[0])[0])
    assert "nothing was answered for" in said
    assert "'overloaded': busy" in said
    assert said.endswith("repeat the command: it resumes")
    assert "repeat after " in str(stopped(drive(always(LIMITED))[0])[0])


def test_an_account_without_money_ends_the_run_at_its_first_call(drive: Any) -> None:
    server = Server(lambda _now_s, n: (ModelError("no money", ErrorClass.NO_CREDIT) if n > 50 else None, 0.05))
    outcomes, _ = drive(server)
    assert server.n_asked <= 50 + 64
    assert "billing page" in str(stopped(outcomes)[0])


@pytest.mark.parametrize(("is_unsent", "is_booked"), [(True, False), (False, True)])
def test_only_a_call_that_had_left_is_booked_at_its_worst(drive: Any, *, is_unsent: bool, is_booked: bool) -> None:
    price = Price(1.0, 1.0)
    budget = Budget(Bounds(max_cost_usd=1.0), lambda _model: price)
    error = ModelError("broken", ErrorClass.CONNECTION, is_unsent=is_unsent)
    drive(always(error), n=3, budget=budget)
    calls = drive.gateway.log.calls
    assert all((call.cost_usd or 0.0) > 0 for call in calls) is is_booked
    assert all(call.usage.prompt_tokens > 0 for call in calls) is is_booked
    assert (budget.left_usd("run") == 1.0) is not is_booked
