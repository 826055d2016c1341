"""A model in this process under the real gateway: answers by a function of the request, and notes what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

import pytest

from epm.decision import Decision
from epm.errors import ModelError
from epm.gateway.completion import completion_body
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ChatReply, ChatRequest, ModelSettings, Usage
from epm.identity import STRICT
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label

Reply = object | Callable[[str], object]


class ModelDouble:
    """Replies in turn with texts, JSON values, errors, or functions of the user's prompt; the last one for ever."""

    name = identity = "double"

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.bodies: list[Mapping[str, object]] = []

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        await asyncio.sleep(0)
        self.bodies.append(request.body)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(self.sent()[-1])
        if isinstance(reply, ModelError):
            raise reply
        content = reply if isinstance(reply, str) else json.dumps(reply)
        return ChatReply(completion_body("m", {"content": content}), Usage(100, 40, 0, 30), "m", 0.0, cost_usd=0.5)

    def sent(self) -> list[str]:
        """System and user prompt of every request."""
        return ["\n".join(message["content"] for message in body["messages"]) for body in self.bodies]  # type: ignore[attr-defined]

    def decide(self, spec: str, pairs: Sequence[Pair], **more: object) -> list[Decision]:
        """What the matcher decides with this model."""
        values = {"identity": STRICT, "gateway": MeteredGateway(self, None, backoff_s=0.001), "model": ModelSettings("m"), **more}
        return asyncio.run(make_matcher(spec).decide(pairs, MatchContext(**values)))  # type: ignore[arg-type]


@pytest.fixture
def model_double() -> type[ModelDouble]:
    return ModelDouble


@pytest.fixture
def pairs() -> list[Pair]:
    """Three pairs with a left listing each."""
    return [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i} kettle"), Listing(f"r{i}", f"Kettle Kolvra KX{i}"), Label.MATCH) for i in range(3)
    ]


@pytest.fixture
def query_pairs() -> list[Pair]:
    """One left listing with four candidates, of which the third is right."""
    left = Listing("q", "Kolvra KX-12 kettle")
    return [Pair(f"p{i}", left, Listing(f"c{i}", f"Kettle Kolvra KX{10 + i}"), Label.MATCH if i == 2 else Label.NO_MATCH) for i in range(4)]
