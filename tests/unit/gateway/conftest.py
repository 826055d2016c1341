from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from epm.errors import ModelError
from epm.gateway.completion import completion_body
from epm.gateway.request import ChatReply, ChatRequest, Usage


class ScriptedTransport:
    """Answers from a list of texts, bodies and errors, then repeats the last; remembers what it was asked."""

    name = "scripted"
    identity = "scripted 1"

    def __init__(self, *answers: str | dict | ModelError, delay_s: float = 0.0) -> None:
        self.answers = list(answers)
        self.delay_s = delay_s
        self.requests: list[ChatRequest] = []
        self.n_in_flight = 0
        self.most_in_flight = 0

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.requests.append(request)
        self.n_in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.n_in_flight)
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.n_in_flight -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ModelError):
            raise answer
        body = completion_body("m-1", {"content": answer}) if isinstance(answer, str) else answer
        return ChatReply(body, Usage(10, 2), "m-1", self.delay_s, cost_usd=0.25)


@pytest.fixture
def scripted() -> Callable[..., ScriptedTransport]:
    return ScriptedTransport
