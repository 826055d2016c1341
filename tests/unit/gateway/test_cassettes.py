"""What a cassette holds, what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from epm.egress import OPEN, EgressPolicy
from epm.errors import ConfigError, ErrorClass, ModelError
from epm.gateway.completion import completion_body
from epm.gateway.deadline import item_deadline
from epm.gateway.destination import egress_for
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import FREE, price_of
from epm.gateway.recorder import Recorder
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, Task, TaskKind
from epm.gateway.transports.replay import ReplayTransport
from epm.session import make_gateway, open_session
from epm.store.store import RunStore


def request(text: str, model: str = "openai/m", task: Task | None = None) -> ChatRequest:
    return ChatRequest({"model": model, "messages": [{"role": "user", "content": text}]}, task)


def scope(sample_index: int = 0) -> CallScope:
    return CallScope(None, None, "r", sample_index=sample_index)


def recording(transport: Any, cassette: Path, log: Any = None) -> MeteredGateway:
    gateway = MeteredGateway(transport, log, backoff_s=0.001)
    gateway.log = Recorder(gateway.log, cassette, identity=transport.identity)
    return gateway


def send(gateway: MeteredGateway, *asked: ChatRequest) -> list[ChatReply]:
    async def send_all() -> list[ChatReply]:
        return [await gateway.send(one, scope()) for one in asked]

    return asyncio.run(send_all())


def replay(cassette: Path, asked: ChatRequest, *, is_of_any_model: bool = False) -> ChatReply:
    return send(MeteredGateway(ReplayTransport(cassette, is_of_any_model=is_of_any_model), None), asked)[0]


def text(reply: ChatReply) -> str:
    return reply.body["choices"][0]["message"]["content"]  # type: ignore[index]


def calls_on(cassette: Path) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, cassette.read_text().splitlines()) if "command" not in line]


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return tmp_path / "c.jsonl"


def test_a_cassette_answers_for_the_model_that_was_recorded_and_replay_file_for_any(scripted: Any, cassette: Path) -> None:
    [recorded] = send(recording(scripted("one"), cassette), request("hi"))
    for asked, is_of_any_model in ((request("hi"), False), (request("hi", model="replay:c.jsonl"), True)):
        replayed = replay(cassette, asked, is_of_any_model=is_of_any_model)
        assert (replayed.body, replayed.usage, replayed.model, replayed.cost_usd) == (recorded.body, recorded.usage, recorded.model, 0.0)
    with (
        open_session(store=None, model=ModelSettings("openai/other", replay=str(cassette))) as session,
        pytest.raises(ModelError, match=r"no reply of model 'openai/other' .* holds replies of 'openai/m'") as caught,
    ):
        send(session.gateway, request("hi", model="openai/other"))
    assert caught.value.error_class is ErrorClass.UNSUPPORTED


def test_a_request_that_is_not_on_the_cassette_is_an_error_and_never_a_call(
    scripted: Any, cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(recording(scripted("one"), cassette), request("hi"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: pytest.fail("a name was looked up"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a socket was opened"))
    with open_session(store=None, model=ModelSettings("openai/m", replay=str(cassette))) as session:
        assert text(send(session.gateway, request("hi"))[0]) == "one"
        with pytest.raises(ModelError, match="has no reply") as caught:
            send(session.gateway, request("other"))
    assert caught.value.error_class is ErrorClass.UNSUPPORTED


def test_a_replayed_model_is_free_and_here_whatever_it_costs_and_wherever_it_is_served() -> None:
    model = ModelSettings("openai/m", api_base="https://far.example", price_in_usd=1.0, price_out_usd=1.0, replay="c.jsonl")
    assert (price_of(model), egress_for(model, EgressPolicy(is_local_only=True))) == (FREE, OPEN)


def test_samples_of_one_prompt_are_told_apart_in_whatever_order_they_are_asked(scripted: Any, cassette: Path) -> None:
    async def sample(gateway: MeteredGateway, order: list[int]) -> dict[int, str]:
        return {index: text(await gateway.send(request("hi"), scope(index))) for index in order}

    recorded = asyncio.run(sample(recording(scripted("zero", "one", "two"), cassette), [0, 1, 2]))
    replayed = asyncio.run(sample(MeteredGateway(ReplayTransport(cassette), None), [2, 0, 1]))
    assert replayed == recorded == {0: "zero", 1: "one", 2: "two"}


def test_what_the_cache_answered_is_on_the_cassette_once(scripted: Any, cassette: Path, tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "s.db") as store:
        send(MeteredGateway(scripted("kept"), store), request("old"))
        transport = scripted("fresh")
        send(recording(transport, cassette, store), request("old"), request("new"), request("old"), request("new"))
    assert len(transport.requests) == 1
    assert [text(replay(cassette, request(asked))) for asked in ("old", "new")] == ["kept", "fresh"]
    assert len(calls_on(cassette)) == 2


FAULTS = [
    ModelError("no", ErrorClass.BAD_REQUEST),
    completion_body("m", {"content": "half"}, finish_reason="length"),
    completion_body("m", {"content": "hush"}, finish_reason="content_filter"),
    completion_body("m", {"content": None, "refusal": "no"}),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_failed_fails_again_however_often_it_is_asked(scripted: Any, cassette: Path, fault: Any) -> None:
    with pytest.raises(ModelError) as recorded:
        send(recording(scripted(fault), cassette), request("a"))
    replaying = MeteredGateway(ReplayTransport(cassette), None)
    for _ in range(2):
        with pytest.raises(ModelError) as replayed:
            send(replaying, request("a"))
        assert replayed.value.error_class is recorded.value.error_class


@pytest.mark.parametrize("fault", [*FAULTS, ModelError("no key", ErrorClass.AUTH)])
def test_what_a_later_command_was_answered_stands_for_what_failed_before(scripted: Any, cassette: Path, fault: Any) -> None:
    transport = scripted(fault, "fine")
    with pytest.raises(ModelError):
        send(recording(transport, cassette), request("a"))
    send(recording(transport, cassette), request("a"))
    assert text(replay(cassette, request("a"))) == "fine"


def test_the_same_question_of_two_items_fails_once_and_is_answered_once(scripted: Any, cassette: Path) -> None:
    gateway = recording(scripted(FAULTS[1], "fine"), cassette)
    with pytest.raises(ModelError):
        send(gateway, request("a"))
    send(gateway, request("a"))
    replaying = MeteredGateway(ReplayTransport(cassette), None)
    with pytest.raises(ModelError):
        send(replaying, request("a"))
    assert text(send(replaying, request("a"))[0]) == "fine"


def test_a_transient_failure_is_one_call_of_the_replay_too_and_nobody_waits(scripted: Any, cassette: Path) -> None:
    slow = ModelError("slow down", ErrorClass.RATE_LIMITED, retry_after_s=0.01)
    send(recording(scripted(slow, slow, "fine"), cassette), request("a"))
    with open_session(store=None, model=ModelSettings("openai/m", replay=str(cassette)), concurrency=1) as session:
        began_s = time.monotonic()
        assert text(send(session.gateway, request("a"))[0]) == "fine"
        assert time.monotonic() - began_s < 0.4
        log = session.gateway.log
        assert isinstance(log, MemoryCallLog)
        assert [call.error_class for call in log.calls] == [ErrorClass.RATE_LIMITED, ErrorClass.RATE_LIMITED, None]


def test_an_item_that_ran_out_of_time_between_two_attempts_runs_out_of_it_again(scripted: Any, cassette: Path) -> None:
    slow = ModelError("slow down", ErrorClass.RATE_LIMITED, retry_after_s=5.0)

    def ask(gateway: MeteredGateway) -> ModelError:
        async def within_the_item() -> None:
            with item_deadline(0.5):
                await gateway.send(request("a"), scope())

        with pytest.raises(ModelError) as caught:
            asyncio.run(within_the_item())
        return caught.value

    assert ask(recording(scripted(slow), cassette)).error_class is ErrorClass.TIMEOUT
    assert ask(MeteredGateway(ReplayTransport(cassette), None)).error_class is ErrorClass.TIMEOUT
    assert [json.loads(line).get("failed", {}).get("error_class") for line in cassette.read_text().splitlines()] == [None, "rate_limited"]


def test_a_reply_that_proved_useless_is_seen_again_and_then_the_one_after_it(scripted: Any, cassette: Path, tmp_path: Path) -> None:
    gateway = recording(scripted("bad", "good"), cassette)
    send(gateway, request("a"))
    asyncio.run(gateway.reject(request("a"), scope(), ErrorClass.INVALID_STRUCTURE, "no JSON"))
    send(gateway, request("a"))
    for _ in range(2):  # also from a cassette that is recorded again from a store that has it all
        replaying = MeteredGateway(ReplayTransport(cassette), None)
        assert text(send(replaying, request("a"))[0]) == "bad"
        asyncio.run(replaying.reject(request("a"), scope(), ErrorClass.INVALID_STRUCTURE, "no JSON"))
        assert text(send(replaying, request("a"))[0]) == "good"
        recording(scripted("good"), cassette)


def test_a_server_that_took_no_strict_schema_takes_none_in_a_replay(scripted: Any, cassette: Path) -> None:
    def asked(**more: object) -> ChatRequest:
        schema = {"name": "R", "schema": {"type": "object"}, **more}
        return ChatRequest({**request("a").body, "response_format": {"type": "json_schema", "json_schema": schema}})

    send(recording(scripted("{}"), cassette), asked())
    with pytest.raises(ModelError, match="takes no strict schema") as caught:
        replay(cassette, asked(strict=True))
    assert caught.value.error_class is ErrorClass.UNSUPPORTED


def test_a_cassette_of_an_older_epm_forgets_what_it_says_it_forgot(scripted: Any, cassette: Path) -> None:
    send(recording(scripted("bad"), cassette), request("a"))
    [row] = calls_on(cassette)
    with cassette.open("a") as file:
        file.write(json.dumps({"forgotten": row["key"]}) + "\n")
    with pytest.raises(ModelError, match="has no reply"):
        replay(cassette, request("a"))


def test_a_recording_adds_to_a_cassette_and_changes_nothing_on_it(scripted: Any, cassette: Path) -> None:
    send(recording(scripted("one"), cassette), request("a"))
    before = cassette.read_bytes()
    cassette.write_bytes(before.rstrip(b"\n"))  # as an editor leaves it
    send(recording(scripted("one", "two"), cassette), request("a"), request("b"))
    assert cassette.read_bytes().startswith(before)
    assert len(calls_on(cassette)) == 2
    log = recording(scripted("else"), cassette)
    with pytest.raises(ConfigError, match=r"holds another reply to request .* record to a new file"):
        send(log, request("a"))
    assert [text(replay(cassette, request(asked))) for asked in ("a", "b")] == ["one", "two"]


def test_two_tasks_with_one_prompt_are_two_requests(tmp_path: Path, cassette: Path) -> None:
    titles = ("Kolvra KX-120 kettle black", "Kolvra KX-130 toaster white")
    asked = [request("x", "rules", Task(TaskKind.EXTRACT, {"listing": {"id": "a", "title": title}})) for title in titles]
    with open_session(store=None, model=ModelSettings("rules"), record=cassette) as session:
        recorded = send(session.gateway, *asked)
    with open_session(store=tmp_path / "s.db", model=ModelSettings(f"replay:{cassette}")) as session:
        replayed = send(session.gateway, *asked)
    assert [reply.body for reply in replayed] == [reply.body for reply in recorded]
    assert text(recorded[0]) != text(recorded[1])


@pytest.mark.parametrize("line", ["{", "[]", '{"key": "x"}', '{"id": "p1", "left": {"title": "Kolvra"}}'])
def test_a_file_that_is_no_cassette_is_named_with_its_line_and_left_alone(scripted: Any, cassette: Path, line: str) -> None:
    cassette.write_text(line + "\n")
    with pytest.raises(ConfigError, match=r"c\.jsonl' line 1 is no recorded reply"):
        ReplayTransport(cassette)
    with pytest.raises(ConfigError, match="is no recorded reply"):
        recording(scripted("x"), cassette)
    assert cassette.read_text() == line + "\n"


def test_an_absent_cassette_and_an_unwritable_one_are_config_errors(scripted: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read cassette"):
        ReplayTransport(tmp_path / "absent.jsonl")
    with pytest.raises(ConfigError, match="cannot write cassette"):
        recording(scripted("x"), tmp_path)


@pytest.mark.parametrize("model", [ModelSettings("m", replay="a.jsonl"), ModelSettings("replay:a.jsonl")])
def test_a_replay_is_not_recorded(scripted: Any, cassette: Path, model: ModelSettings) -> None:
    with pytest.raises(ConfigError, match=r"'a\.jsonl' is replayed and"):
        make_gateway(scripted("x"), None, model, concurrency=1, seed=0, record=cassette)
    assert not cassette.exists()


def test_a_line_is_a_row_of_the_cache(scripted: Any, cassette: Path, tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "s.db") as store:
        send(recording(scripted("one"), cassette, store), request("a"))
        [row] = calls_on(cassette)
        kept = store.cached(row["key"])
    assert kept is not None
    assert json.loads(kept.to_json()) == row
