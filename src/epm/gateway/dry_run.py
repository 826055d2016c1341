"""A gateway that sends nothing: it keeps the first request of each item and refuses it. No transport is made, so no key is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from epm.errors import ErrorClass, ModelError
from epm.gateway.bounds import JUDGE_ROLES
from epm.gateway.request import CallScope, ChatRequest


@dataclass(frozen=True, slots=True)
class FirstPrompt:
    """What an item would ask first: the model, the messages by role, and the schema or the tools that the answer must follow."""

    item_id: str | None
    role: str
    model: str
    system: str
    user: str
    schema: Mapping[str, object] | None


class DryGateway:
    """Keeps the first prompt of each item in ``prompts``; every call fails as ``cancelled``."""

    def __init__(self) -> None:
        self._by_asker: dict[tuple[str | None, str], FirstPrompt] = {}

    @property
    def prompts(self) -> list[FirstPrompt]:
        """The first prompt of each item, and of each judge where several look at it."""
        return list(self._by_asker.values())

    async def send(self, request: ChatRequest, scope: CallScope) -> NoReturn:
        """Keep the request.

        Raises:
            ModelError: always.
        """
        asker = (scope.item_id, scope.role if scope.role.startswith(JUDGE_ROLES) else "")
        if asker not in self._by_asker:
            self._by_asker[asker] = FirstPrompt(
                scope.item_id,
                scope.role,
                str(request.body.get("model")),
                _text(request, "system"),
                _text(request, "user"),
                _schema(request),
            )
        raise ModelError("a dry run sends nothing", ErrorClass.CANCELLED)


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
