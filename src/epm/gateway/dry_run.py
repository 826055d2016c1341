"""A gateway that sends nothing and keeps what would be asked. No transport to a model is made, so no key is needed.

The evidence engine answers each typed task in the model's place, so that later steps show their prompts too: what they hold of
earlier answers is the engine's, not the model's. A free prompt is refused, and ends its item.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from epm.errors import ErrorClass, ModelError
from epm.gateway.request import CallScope, ChatReply, ChatRequest
from epm.gateway.transports.rules import RulesTransport

_CHARS_PER_TOKEN = 4
"""A round number: the teacher's prompts on three Abt-Buy pairs have 4.2 in o200k_base, schemas included."""


@dataclass(frozen=True, slots=True)
class FirstPrompt:
    """What an item would ask in a role: the model, the messages by role, and the schema or the tools that the answer must follow.

    ``n_tokens`` is about what they take, schema included. A prompt that no item came to is shown unfilled, with no item.
    """

    item_id: str | None
    role: str
    model: str
    system: str
    user: str
    schema: Mapping[str, object] | None

    @property
    def n_tokens(self) -> int:
        """About how many tokens it takes, at four characters a token."""
        schema = "" if self.schema is None else json.dumps(self.schema, separators=(",", ":"), ensure_ascii=False)
        return (len(self.system) + len(self.user) + len(schema)) // _CHARS_PER_TOKEN


class DryGateway:
    """Keeps the first prompt of each item in each role in ``prompts``; a call without a typed task fails as ``cancelled``."""

    def __init__(self) -> None:
        self._by_asker: dict[tuple[str | None, str], FirstPrompt] = {}
        self._rules = RulesTransport()

    @property
    def prompts(self) -> list[FirstPrompt]:
        """The first prompt of each item in each role, in the order of asking."""
        return list(self._by_asker.values())

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        """Keep the request; the reply is the evidence engine's.

        Raises:
            ModelError: there is no typed task that the engine could answer.
        """
        asker = (scope.item_id, scope.role)
        if asker not in self._by_asker:
            self._by_asker[asker] = FirstPrompt(
                scope.item_id,
                scope.role,
                str(request.body.get("model")),
                _text(request, "system"),
                _text(request, "user"),
                _schema(request),
            )
        if request.task is None:
            raise ModelError("a dry run sends nothing", ErrorClass.CANCELLED)
        return await self._rules.send(request, timeout_s=0.0)


def _text(request: ChatRequest, role: str) -> str:
    messages = request.body.get("messages")
    found = [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, list) else []
    return "\n\n".join(str(message.get("content")) for message in found if message.get("role") == role)


def _schema(request: ChatRequest) -> Mapping[str, object] | None:
    response_format = request.body.get("response_format")
    if isinstance(response_format, Mapping):
        described = response_format.get("json_schema")
        schema = described.get("schema") if isinstance(described, Mapping) else None
        return schema if isinstance(schema, Mapping) else response_format
    tools = request.body.get("tools")
    return None if tools is None else {"tools": tools}
