"""A scripted model under the real gateway: rules where nothing is scripted, and a log of everything it was sent."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from epm.cli.app import main
from epm.decision import Decision
from epm.gateway.completion import completion_body
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ChatReply, ChatRequest, ModelSettings, TaskKind, Usage
from epm.gateway.transports.rules import RulesTransport
from epm.identity import STRICT
from epm.knowledge.embedder import HashEmbedder, RememberingEmbedder
from epm.knowledge.memory import MemoryIndex
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair

Answer = Callable[[Mapping[str, object], Mapping[str, object]], Mapping[str, object]]


class ScriptedTransport(RulesTransport):
    """Answers a task kind by its script, from (payload, body); every other task as the rules do."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: dict[TaskKind | None, Answer] = {}
        self.requests: list[ChatRequest] = []

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.requests.append(request)
        kind = None if request.task is None else request.task.kind
        script = self.scripts.get(kind)
        if script is None:
            return await super().send(request, timeout_s=timeout_s)
        answered = script({} if request.task is None else request.task.payload, request.body)
        call = answered.get("tool_call")
        message: dict[str, object] = {"content": json.dumps(answered)}
        if isinstance(call, Mapping):
            function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
            calls = [{"id": f"call_{len(self.requests)}", "type": "function", "function": function}]
            message = {"content": None, "tool_calls": calls}
        body = completion_body("scripted", message, finish_reason="stop" if call is None else "tool_calls")
        return ChatReply(body, Usage(10, 5), "scripted", 0.0, cost_usd=0.01)

    def sent(self, kind: TaskKind | None = None) -> list[str]:
        """Everything that was sent, or what was sent for one task: bodies and payloads as text."""
        chosen = [r for r in self.requests if kind is None or (r.task is not None and r.task.kind is kind)]
        return [
            json.dumps([dict(r.body), None if r.task is None else dict(r.task.payload)], ensure_ascii=False, default=str) for r in chosen
        ]


class Teacher:
    """The matcher over a scripted model and an exact index."""

    def __init__(self) -> None:
        self.transport = ScriptedTransport()
        self.knowledge = MemoryIndex(RememberingEmbedder(HashEmbedder(128)))

    def decide(self, *pairs: Pair, matcher: str = "multi-agent-rag") -> list[Decision]:
        from epm.registry import make_matcher

        gateway = MeteredGateway(self.transport, None, backoff_s=0.001)
        ctx = MatchContext(STRICT, gateway, ModelSettings("scripted"), self.knowledge, "run-1")
        return asyncio.run(make_matcher(matcher).decide(pairs, ctx))


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path: Path, monkeypatch, capsys) -> Callable[..., Outcome]:
    """The program, run in this process in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_KEY", "k")

    def run(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["epm", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def teacher() -> Teacher:
    return Teacher()


@pytest.fixture
def pair() -> Pair:
    left = Listing("l", "Kolvra KX-120 kettle black", brand="Kolvra", mpn="KX-120")
    return Pair("p1", left, Listing("r", "Kettle Kolvra KX120", brand="Kolvra"))


@pytest.fixture
def question() -> dict[str, object]:
    asked = "Which colours is the Kolvra KX-120 kettle sold in?"
    return {"attribute": "colour", "entity": "kolvra kx-120", "side": "right", "question": asked}
