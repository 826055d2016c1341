"""Structured calls: a prompt and a pydantic model in, a validated value out.

instructor writes the schema into the request, validates the reply and asks once for a repair; everything else (cache,
retries, deadline, ledger) belongs to the gateway, where each of its calls ends.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from epm.errors import ErrorClass, ModelError
from epm.gateway.gateway import Gateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, StructuredMode, Task

_MAX_REPAIRS = 1
_REASON_CHARS = 300

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StructuredReply(Generic[T]):
    """A validated value and what it took: USD (unknown prices count 0 here, flagged in the ledger) and answered calls."""

    value: T
    cost_usd: float
    n_calls: int
    n_cached: int


@runtime_checkable
class _Forgetful(Protocol):
    async def forget(self, request: ChatRequest, scope: CallScope) -> None: ...


class _Conversation:
    """The calls of one structured question: the coroutine that instructor calls, and what came of each call."""

    def __init__(self, gateway: Gateway, task: Task | None, scope: CallScope) -> None:
        self._gateway = gateway
        self._task = task
        self._scope = scope
        self.requests: list[ChatRequest] = []
        self.replies: list[ChatReply] = []
        self.failure: Exception | None = None

    async def create(self, **body: object) -> object:
        """Send one chat body through the gateway; what comes back is what instructor reads of an OpenAI completion."""
        messages = body["messages"]
        request = ChatRequest({**body, "messages": list(messages) if isinstance(messages, list) else messages}, self._task)
        try:  # instructor appends repairs to the very list it passes, so the request keeps a copy
            reply = await self._gateway.send(request, self._scope)
        except Exception as error:
            self.failure = error
            raise
        self.requests.append(request)
        self.replies.append(reply)
        return _as_completion(reply.body)

    async def forget(self) -> None:
        """Drop the kept replies, which proved useless, so that repeating the item asks again."""
        if isinstance(self._gateway, _Forgetful):
            for request in self.requests:
                await self._gateway.forget(request, self._scope)


async def ask(
    gateway: Gateway, *, model: ModelSettings, system: str, user: str, response_model: type[T], task: Task | None, scope: CallScope
) -> StructuredReply[T]:  # fmt: skip
    """The model's answer as a ``response_model``, repaired at most once.

    Raises:
        ModelError: the call failed; ``invalid_structure`` when the repaired reply still does not fit.
        StoreError: the ledger cannot be written.
    """
    instructor = _load_instructor()
    conversation = _Conversation(gateway, task, scope)
    mode = instructor.Mode.MD_JSON if model.structured is StructuredMode.MD_JSON else instructor.Mode.JSON_SCHEMA
    client = instructor.from_litellm(conversation.create, mode=mode, async_client=True)
    try:
        value: T = await client.chat.completions.create(
            model=model.name, response_model=_prepared(response_model), max_retries=_MAX_REPAIRS, **_thinking(model),
            max_tokens=model.max_tokens, messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
        )  # fmt: skip
    except instructor.core.IncompleteOutputException as error:
        raise ModelError(f"model {model.name!r}: the reply was cut off: raise --reply-tokens", ErrorClass.TRUNCATED) from error
    except instructor.core.InstructorRetryException as error:
        if conversation.failure is not None:
            raise conversation.failure from None
        await conversation.forget()
        reason = " ".join(str(error.__cause__ or error).split())[:_REASON_CHARS]
        msg = f"model {model.name!r}: the reply does not fit {response_model.__name__} after {_MAX_REPAIRS} repair: {reason}"
        raise ModelError(msg, ErrorClass.INVALID_STRUCTURE) from error
    value = _plain(value, response_model)
    replies = conversation.replies
    return StructuredReply(value, sum(reply.cost_usd or 0.0 for reply in replies), len(replies), sum(reply.is_cached for reply in replies))


def _thinking(model: ModelSettings) -> Mapping[str, object]:
    if model.reasoning_effort is None:
        return {"temperature": model.temperature}
    return {"reasoning_effort": model.reasoning_effort}  # vendors refuse a temperature beside it


@cache
def _load_instructor() -> ModuleType:
    import instructor
    import instructor.core

    logging.getLogger("instructor").setLevel(logging.CRITICAL)  # it logs each failure twice, replies included
    return instructor


@cache
def _prepared(response_model: type[T]) -> type[T]:
    """The class as instructor wraps it, made once: it would build class and schema anew for every question."""
    wrapped: type[T] = _load_instructor().openai_schema(response_model)
    schema = wrapped.model_json_schema()

    def model_json_schema() -> dict[str, object]:
        return deepcopy(schema)

    wrapped.model_json_schema = model_json_schema  # type: ignore[method-assign, assignment]  # asked for without arguments
    return wrapped


def _plain(value: T, response_model: type[T]) -> T:
    """The value as the class asked for: instructor answers with a subclass of its own and hangs whole replies on it."""
    parts = {name: getattr(value, name) for name in response_model.model_fields}
    return response_model.model_construct(_fields_set=value.model_fields_set, **parts)


def _as_completion(body: Mapping[str, object]) -> object:
    from openai.types import CompletionUsage

    choice = body["choices"][0]  # type: ignore[index]  # the gateway refuses replies without choices
    message = SimpleNamespace(role="assistant", content=choice["message"].get("content"))
    usage = CompletionUsage(prompt_tokens=0, completion_tokens=0, total_tokens=0)  # instructor adds to it; ours are in the ledger
    return SimpleNamespace(choices=[SimpleNamespace(finish_reason=choice.get("finish_reason"), message=message)], usage=usage)
