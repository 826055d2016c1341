"""Structured calls: a prompt and a pydantic model in, a validated value out.

instructor writes the schema into the request, validates the reply and asks once for a repair; everything else (cache,
retries, deadline, ledger) belongs to the gateway, where each of its calls ends.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Generic, Protocol, TypeVar, runtime_checkable
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from epm.errors import ErrorClass, ModelError
from epm.gateway.gateway import Gateway
from epm.gateway.reply_json import only_json
from epm.gateway.reply_schema import strict_schema
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings, StructuredMode, Task

_MAX_REPAIRS = 1
_REASON_CHARS = 300
_LOG = logging.getLogger(__name__)
_NOT_STRICT: set[str] = set()
"""Models that refused a strict schema in this process: each is asked strictly once."""
_ALONE_S = 3.0
"""A schema is refused before a token is made: servers do so within a second or two."""
_TRIED: set[str] = set()
_LOCKS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = WeakKeyDictionary()
_STRICTNESS = re.compile(r"response_format|json_schema|\bschema\b|\bstrict\b", re.IGNORECASE)
_LINK = re.compile(r"\n +For further information visit https://errors\.pydantic\.dev\S*")

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StructuredReply(Generic[T]):
    """A validated value and what it took: USD (unknown prices count 0 here, flagged in the ledger) and answered calls."""

    value: T
    cost_usd: float
    n_calls: int
    n_cached: int


@runtime_checkable
class _Rejecting(Protocol):
    async def reject(self, request: ChatRequest, scope: CallScope, error_class: ErrorClass, reason: str) -> None: ...


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
        # instructor appends repairs to the very list it passes, so the request keeps a copy
        plain = {**body, "messages": _without_links(messages) if isinstance(messages, list) else messages}
        if self.requests:  # asked again: the reply before did not fit, and the last message says why
            await self.reject(_last_text(plain["messages"]))
        try:
            request, reply = await self._sent(plain)
        except Exception as error:
            self.failure = error
            raise
        self.requests.append(request)
        self.replies.append(reply)
        return _as_completion(reply.body)

    async def _sent(self, body: Mapping[str, object]) -> tuple[ChatRequest, ChatReply]:
        """The reply and what it answers: asked strictly, and once more without where the server does not take that."""
        model = str(body.get("model"))
        strict = None if model in _NOT_STRICT else _strictly(body)
        if strict is not None:
            async with _first_alone(model):
                found = None if model in _NOT_STRICT else await self._sent_strictly(strict, model)
            if found is not None:
                return found
        request = ChatRequest(body, self._task)
        return request, await self._gateway.send(request, self._scope)

    async def _sent_strictly(self, body: Mapping[str, object], model: str) -> tuple[ChatRequest, ChatReply] | None:
        """``None`` where the server does not take a strict schema, which is remembered."""
        request = ChatRequest(body, self._task)
        try:
            return request, await self._gateway.send(request, self._scope)
        except ModelError as error:
            if not _is_strictness_refused(error):
                raise
        if model not in _NOT_STRICT:
            _LOG.warning("model %r refuses strict schemas: it is asked without from now on", model)
        _NOT_STRICT.add(model)
        return None

    async def reject(self, reason: str) -> None:
        """Take the last reply, which did not fit, out of the cache: it stays in the ledger, and nobody is answered with it."""
        if isinstance(self._gateway, _Rejecting):
            await self._gateway.reject(self.requests[-1], self._scope, ErrorClass.INVALID_STRUCTURE, reason)


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
        reason = " ".join(str(error.__cause__ or error).split())[:_REASON_CHARS]
        await conversation.reject(reason)
        msg = f"model {model.name!r}: the reply does not fit {response_model.__name__} after {_MAX_REPAIRS} repair: {reason}"
        raise ModelError(msg, ErrorClass.INVALID_STRUCTURE) from error
    value = _plain(value, response_model)
    replies = conversation.replies
    return StructuredReply(value, sum(reply.cost_usd or 0.0 for reply in replies), len(replies), sum(reply.is_cached for reply in replies))


def takes_strict_schemas(model: str) -> bool:
    """False for a model whose server refused a strict schema in this process; true as long as none did."""
    return model not in _NOT_STRICT


@asynccontextmanager
async def _first_alone(model: str) -> AsyncIterator[None]:
    """Lets the first strict call to a model end before others go out, or wait a while for it: refusals in a row would stop the run."""
    if model in _TRIED:
        yield
        return
    locks = _LOCKS.setdefault(asyncio.get_running_loop(), {})
    lock = locks.setdefault(model, asyncio.Lock())
    try:
        await asyncio.wait_for(lock.acquire(), _ALONE_S)
    except TimeoutError:  # slow, or not there: no reason to ask one by one
        yield
        return
    if model in _TRIED:
        lock.release()
        yield
        return
    try:
        yield
    finally:
        _TRIED.add(model)
        lock.release()


def _strictly(body: Mapping[str, object]) -> dict[str, object] | None:
    """The body with its schema made binding; ``None`` where it names no schema."""
    asked = body.get("response_format")
    described = asked.get("json_schema") if isinstance(asked, Mapping) else None
    if not isinstance(asked, Mapping) or not isinstance(described, Mapping):
        return None
    return {**body, "response_format": {**asked, "json_schema": {**described, "strict": True}}}


def _is_strictness_refused(error: ModelError) -> bool:
    wrong = error.error_class in {ErrorClass.BAD_REQUEST, ErrorClass.UNSUPPORTED}
    return wrong and _STRICTNESS.search(str(error)) is not None


def _without_links(messages: list[dict[str, object]]) -> list[dict[str, object]]:
    """The messages, the faults in a repair without pydantic's link after each: paid for, and read by nobody."""
    return [
        {**message, "content": _LINK.sub("", text)} if isinstance(text := message.get("content"), str) and at else message
        for at, message in enumerate(messages)
    ]


def _last_text(messages: object) -> str:
    last = messages[-1] if isinstance(messages, list) and messages else {}
    text = last.get("content") if isinstance(last, Mapping) else None
    return " ".join(str(text).split())


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
    schema = strict_schema(response_model.model_json_schema())

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
    content = choice["message"].get("content")
    message = SimpleNamespace(role="assistant", content=only_json(content) if isinstance(content, str) else content)
    usage = CompletionUsage(prompt_tokens=0, completion_tokens=0, total_tokens=0)  # instructor adds to it; ours are in the ledger
    return SimpleNamespace(choices=[SimpleNamespace(finish_reason=choice.get("finish_reason"), message=message)], usage=usage)
