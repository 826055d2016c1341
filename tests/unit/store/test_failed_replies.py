"""Replies of no use stay in the ledger: shown by ``epm why``, never served by the cache, gone with a purge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from epm.cli import why
from epm.errors import ErrorClass, ModelError
from epm.gateway.completion import completion_body
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage
from epm.store.purge import What, purge_older
from epm.store.store import RunStore
from store_sql import run_sql

ASKED = ChatRequest({"model": "m", "messages": [{"role": "user", "content": "Kolvra?"}]})
HALF = "half \x1b[31m of it"


class Scripted:
    """Answers from a list of bodies and errors, then repeats the last."""

    name, identity = "scripted", "scripted 1"

    def __init__(self, *answers: dict[str, Any] | ModelError) -> None:
        self.answers = list(answers)
        self.n_asked = 0

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.n_asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ModelError):
            raise answer
        return ChatReply(answer, Usage(10, 2), "m-1", 0.0, 0.25)


def said(content: str, finish_reason: str = "stop") -> dict[str, Any]:
    return completion_body("m-1", {"content": content}, finish_reason=finish_reason)


def told(address: str, *more: str) -> str:
    app = typer.Typer()
    why.register(app)
    return CliRunner().invoke(app, ["p1", "--store", address, *more], catch_exceptions=False).stdout


def ask(store: RunStore, transport: Scripted, *, times: int = 1) -> list[str]:
    """What each asking came to: the reply's text, or the error class."""
    gateway = MeteredGateway(transport, store)

    async def once() -> str:
        try:
            reply = await gateway.send(ASKED, CallScope(None, "p1", "teacher/decide"))
        except ModelError as error:
            return error.error_class.value
        return str(reply.body["choices"][0]["message"]["content"])  # type: ignore[index]

    return [asyncio.run(once()) for _ in range(times)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (said(HALF, "length"), ErrorClass.TRUNCATED),
        (said(HALF, "content_filter"), ErrorClass.CONTENT_FILTER),
        (completion_body("m-1", {"content": None, "refusal": HALF}), ErrorClass.REFUSAL),
    ],
)
def test_a_reply_that_failed_is_shown_by_why_and_the_cache_never_serves_it(address: str, body: dict[str, Any], found: ErrorClass) -> None:
    transport = Scripted(body)
    with RunStore.open(address) as store:
        assert ask(store, transport, times=2) == [found.value, found.value]
    assert transport.n_asked == 2
    shown = told(address)
    assert f"failed, {found.value}" in shown
    assert "failed reply: half \\x1b[31m of it" in shown
    assert "prompt, user: Kolvra?" in shown
    [first, _] = json.loads(told(address, "--json"))["runs"][0]["events"]
    assert (first["refused"]["error_class"], first["reply"]) == (found.value, HALF)


def test_a_reply_refused_afterwards_moves_from_the_cache_to_its_call(address: str) -> None:
    transport = Scripted(said("no JSON at all"), said("better"))
    with RunStore.open(address) as store:
        assert ask(store, transport, times=2) == ["no JSON at all"] * 2
        gateway = MeteredGateway(transport, store)
        asyncio.run(gateway.reject(ASKED, CallScope(None, "p1", "teacher/decide"), ErrorClass.INVALID_STRUCTURE, "label: field required"))
        assert ask(store, transport, times=2) == ["better"] * 2
    events = json.loads(told(address, "--json"))["runs"][0]["events"]
    assert [event["is_cached"] for event in events] == [False, True, False, True]
    assert [event["refused"] and event["refused"]["reason"] for event in events] == [None, "label: field required", None, None]
    assert [event["reply"] for event in events][1:] == ["no JSON at all", "better", "better"]
    assert "refused, invalid_structure: label: field required" in told(address)


def test_a_reply_over_the_byte_bound_is_not_kept(address: str) -> None:
    with RunStore.open(address) as store:
        assert ask(store, Scripted(ModelError("more than 100 kB came", ErrorClass.REPLY_TOO_LONG))) == ["reply_too_long"]
    assert rows(address) == []
    assert "not kept (nothing came, or it was too long" in told(address)


def test_long_failed_replies_are_cut_unless_they_are_asked_for_whole(address: str) -> None:
    with RunStore.open(address) as store:
        ask(store, Scripted(said("word " * 500, "length")))
    assert "more characters)" in told(address)
    assert "word " * 499 in told(address, "--full")


@pytest.mark.parametrize("what", [What.CACHE, What.ALL])
def test_a_purge_by_age_takes_failed_replies_too(address: str, what: What, files_holding: Callable[[bytes], list[str]]) -> None:
    with RunStore.open(address) as store:
        ask(store, Scripted(said("QUILLFEATHER is half", "length")))
    assert purge_older(address, -1.0, what, is_wanted=True).n_replies == 1
    assert rows(address) == []
    assert files_holding(b"QUILLFEATHER") == []


def rows(address: str) -> list[tuple[object, ...]]:
    return run_sql(address, "SELECT * FROM failed_replies")
