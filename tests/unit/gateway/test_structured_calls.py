from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from epm.errors import ErrorClass, ModelError, StoreError
from epm.gateway.completion import completion_body
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, Usage
from epm.gateway.structured import StructuredReply, ask


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str
    is_match: bool


GOOD = '{"reason": "same mpn", "is_match": true}'
BAD = '{"reason": "same mpn"}'


def ask_once(gateway: Any, user: str = "compare") -> StructuredReply[Verdict]:
    return asyncio.run(
        ask(
            gateway, model=ModelSettings("m", max_tokens=77), system="be exact", user=user, response_model=Verdict, task=None,
            scope=CallScope("run", "item", "decide"),
        )
    )  # fmt: skip


def test_a_valid_reply_comes_back_as_the_model_with_its_cost(scripted: Any) -> None:
    transport = scripted(GOOD)
    reply = ask_once(MeteredGateway(transport, None))
    assert reply == StructuredReply(Verdict(reason="same mpn", is_match=True), cost_usd=0.25, n_calls=1, n_cached=0)
    body = transport.requests[0].body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["reason", "is_match"]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.0, 77)


def test_the_value_carries_no_reply_of_the_library(scripted: Any) -> None:
    value = ask_once(MeteredGateway(scripted(GOOD), None)).value
    assert set(value.__dict__) == {"reason", "is_match"}


def test_a_reply_that_does_not_fit_is_repaired_once_and_both_calls_are_counted(scripted: Any) -> None:
    transport = scripted(BAD, GOOD)
    gateway = MeteredGateway(transport, None)
    reply = ask_once(gateway)
    assert (reply.n_calls, reply.cost_usd) == (2, 0.5)
    assert BAD in str(transport.requests[1].body["messages"])
    assert [call.usage.prompt_tokens for call in gateway.log.calls] == [10, 10]


def test_a_reply_that_does_not_fit_after_repair_is_invalid_and_is_asked_anew_the_next_time(scripted: Any) -> None:
    transport = scripted(BAD, BAD, GOOD)
    gateway = MeteredGateway(transport, None)
    with pytest.raises(ModelError, match="does not fit Verdict") as caught:
        ask_once(gateway)
    assert caught.value.error_class is ErrorClass.INVALID_STRUCTURE
    assert len(transport.requests) == 2
    assert ask_once(gateway).value.is_match is True


@pytest.mark.parametrize("error_class", [ErrorClass.AUTH, ErrorClass.BAD_REQUEST, ErrorClass.CONTENT_FILTER])
def test_errors_of_the_gateway_keep_their_class(scripted: Any, error_class: ErrorClass) -> None:
    with pytest.raises(ModelError) as caught:
        ask_once(MeteredGateway(scripted(ModelError("no", error_class)), None))
    assert caught.value.error_class is error_class


def test_instructor_never_retries_what_the_gateway_gave_up_on(scripted: Any) -> None:
    transport = scripted(ModelError("busy", ErrorClass.OVERLOADED))
    with pytest.raises(ModelError):
        ask_once(MeteredGateway(transport, None, max_attempts=2, backoff_s=0.001))
    assert len(transport.requests) == 2


class CutOffGateway:
    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        return ChatReply(completion_body("m", {"content": '{"rea'}, finish_reason="length"), Usage(1, 1), "m", 0.0, 0.0)


def test_a_cut_off_reply_is_truncated_and_not_repaired() -> None:
    with pytest.raises(ModelError) as caught:
        ask_once(CutOffGateway())
    assert caught.value.error_class is ErrorClass.TRUNCATED


class BrokenGateway:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        raise self.error


@pytest.mark.parametrize("error", [StoreError("disk full"), ValueError("a bug")])
def test_a_failure_that_is_not_the_models_is_not_called_one(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        ask_once(BrokenGateway(error))


def test_structured_calls_load_no_vendor_library() -> None:
    program = (
        "import asyncio, sys; from pydantic import BaseModel\n"
        "from epm.gateway.structured import ask; from epm.gateway.metered import MeteredGateway\n"
        "from epm.gateway.request import *; from epm.gateway.completion import completion_body\n"
        "class V(BaseModel): x: int\n"
        "class T:\n"
        "    name = identity = 't'\n"
        "    async def send(self, request, *, timeout_s):\n"
        "        return ChatReply(completion_body('t', {'content': '{\"x\": 1}'}), Usage(0, 0), 't', 0.0, 0.0)\n"
        "asyncio.run(ask(MeteredGateway(T(), None), model=ModelSettings('t'), system='', user='', response_model=V, task=None,\n"
        "    scope=CallScope(None, None, 'r')))\n"
        "print(sorted({'litellm', 'langchain_openai', 'torch'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


FENCED = f"Here is the answer:\n```json\n{GOOD}\n```"


def test_a_fenced_reply_is_read_without_a_second_call(scripted: Any) -> None:
    transport = scripted(FENCED)
    assert ask_once(MeteredGateway(transport, None)).n_calls == 1


def test_a_schema_is_binding_where_the_model_takes_that(scripted: Any) -> None:
    transport = scripted(GOOD)
    ask_once(MeteredGateway(transport, None))
    assert transport.requests[0].body["response_format"]["json_schema"]["strict"] is True


class NotStrictGateway:
    """A server that refuses strict schemas, as some compatible ones do."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        is_strict = "strict" in request.body["response_format"]["json_schema"]  # type: ignore[index]
        self.asked.append(is_strict)
        await asyncio.sleep(0)
        if is_strict:
            raise ModelError("400: unknown field response_format.json_schema.strict", ErrorClass.BAD_REQUEST)
        return ChatReply(completion_body("m", {"content": GOOD}), Usage(1, 1), "m", 0.0, 0.0)


def ask_together(gateway: Any, model: str, n: int) -> None:
    async def together() -> None:
        scope = CallScope("run", "item", "decide")
        calls = [
            ask(gateway, model=ModelSettings(model), system="s", user=str(i), response_model=Verdict, task=None, scope=scope)
            for i in range(n)
        ]
        await asyncio.gather(*calls)

    asyncio.run(together())


def test_a_refused_strict_schema_costs_one_call_in_all_however_many_are_asked_at_once() -> None:
    gateway = NotStrictGateway()
    ask_together(gateway, "refuses-strict", 40)
    ask_together(gateway, "refuses-strict", 2)
    assert (gateway.asked.count(True), gateway.asked.count(False)) == (1, 42)


class HangingGateway:
    """A server that keeps every call for a minute."""

    def __init__(self) -> None:
        self.asked_at_s: list[float] = []

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        self.asked_at_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(60.0)
        raise ModelError("nothing came", ErrorClass.TIMEOUT)


def test_a_first_call_that_hangs_holds_up_the_others_for_a_few_seconds_only(run_virtual: Any) -> None:
    gateway, scope = HangingGateway(), CallScope("run", "item", "decide")

    async def together() -> None:
        calls = [
            ask(gateway, model=ModelSettings("hangs"), system="s", user=str(i), response_model=Verdict, task=None, scope=scope)
            for i in range(8)
        ]
        await asyncio.gather(*calls, return_exceptions=True)

    run_virtual(together())
    first_s, *later_s = gateway.asked_at_s
    assert len(later_s) == 7
    assert max(later_s) - first_s <= 5.0


def test_an_effort_of_thinking_takes_the_place_of_the_temperature(scripted: Any) -> None:
    transport = scripted(GOOD)
    model = ModelSettings("m", reasoning_effort="low")
    asyncio.run(
        ask(
            MeteredGateway(transport, None), model=model, system="", user="", response_model=Verdict, task=None,
            scope=CallScope("run", "item", "decide"),
        )
    )  # fmt: skip
    assert transport.requests[0].body["reasoning_effort"] == "low"
    assert "temperature" not in transport.requests[0].body
