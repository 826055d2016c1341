"""What the gateway writes down: one record for each physical call and each cache hit, and the replies worth keeping.

``CallLog`` is the seam between the gateway and its store; ``MemoryCallLog`` serves the façade, which has none.
Invariant: nothing here holds a key or a header; requests are chat bodies, and secrets never stand in a body.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from epm.errors import ErrorClass
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Task, Transport, Usage

CACHE_SCHEMA_VERSION = 1
MEMORY_CACHE_REPLIES = 10_000
MEMORY_LEDGER_CALLS = 10_000


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One ledger row: a physical attempt (with ``error_class`` when it failed) or a cache hit.

    ``cost_usd`` is ``None`` when the price, or what a lost call was billed, is unknown. ``attempt`` counts from 1.
    ``host`` and ``sent`` say where the prompt went and what of a pair stood in it (``gateway.sent``); ``None`` when nothing left.
    """

    scope: CallScope
    key: str
    transport: str
    model_asked: str
    model_answered: str | None
    attempt: int
    usage: Usage
    cost_usd: float | None
    latency_s: float
    started_at_s: float
    is_cached: bool = False
    error_class: ErrorClass | None = None
    error: str | None = None
    host: str | None = None
    sent: str | None = None


@dataclass(frozen=True, slots=True)
class CachedReply:
    """One cache row, which is also one line of a cassette: the key, what was asked, and what came back."""

    key: str
    identity: str
    request: Mapping[str, object]
    reply: ChatReply

    def as_hit(self) -> ChatReply:
        """The reply as a cache hit: it costs nothing this time."""
        stored = self.reply
        return ChatReply(stored.body, stored.usage, stored.model, stored.latency_s, cost_usd=0.0, is_cached=True)

    def to_json(self) -> str:
        """The row as one line of JSON."""
        return canonical_json(
            {
                "key": self.key, "identity": self.identity, "request": self.request, "reply": self.reply.body,
                "model": self.reply.model, "latency_s": self.reply.latency_s, "cost_usd": self.reply.cost_usd,
                "usage": usage_to_mapping(self.reply.usage),
            }
        )  # fmt: skip

    @classmethod
    def from_json(cls, line: str) -> CachedReply:
        """The row of a line that :meth:`to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: the line is no such row.
        """
        row = json.loads(line)
        reply = ChatReply(row["reply"], Usage(**row["usage"]), row["model"], row["latency_s"], row["cost_usd"])
        return cls(row["key"], row["identity"], row["request"], reply)


class CallLog(Protocol):
    """Keeps the ledger and the cache."""

    def cached(self, key: str) -> CachedReply | None:
        """The reply kept under a key."""
        ...

    async def record_call(self, call: CallRecord, reply: CachedReply | None) -> None:
        """Write the ledger row and the reply, if one came, in one transaction; returns when it is committed.

        The reply of a call that succeeded goes into the cache. That of a failed call stays beside its ledger row, to be
        looked at and replayed; the cache never holds it.
        """
        ...

    def post_call(self, call: CallRecord) -> None:
        """Write a ledger row that nobody waits for: a cache hit, or a call cut off by cancellation."""
        ...

    async def reject(self, key: str, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
        """Move a reply that proved useless out of the cache, to the ledger row of the item's call that brought it."""
        ...


class MemoryCallLog:
    """A ledger and a cache that end with the process; both are bounded and drop their oldest rows."""

    def __init__(self) -> None:
        self.calls: deque[CallRecord] = deque(maxlen=MEMORY_LEDGER_CALLS)
        self._kept: OrderedDict[str, CachedReply] = OrderedDict()

    def cached(self, key: str) -> CachedReply | None:
        """The reply kept under a key."""
        return self._kept.get(key)

    async def record_call(self, call: CallRecord, reply: CachedReply | None) -> None:
        """Keep both rows; a failed reply is not kept, for nobody could look at it later."""
        self.calls.append(call)
        if reply is not None and call.error_class is None:
            self._kept[reply.key] = reply
            if len(self._kept) > MEMORY_CACHE_REPLIES:
                self._kept.popitem(last=False)

    def post_call(self, call: CallRecord) -> None:
        """Keep the ledger row."""
        self.calls.append(call)

    async def reject(self, key: str, scope: CallScope, error_class: ErrorClass, reason: str) -> None:  # noqa: ARG002  # nothing is kept of it
        """Drop the cache row."""
        self._kept.pop(key, None)


def canonical_json(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII (so that lone surrogates survive a database)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_to_json)


def cache_key(transport: Transport, request: ChatRequest, *, sample_index: int) -> str:
    """SHA-256 (hex) of everything that determines a reply.

    The typed task is part of it only for a transport that answers the task instead of the body (``answers_tasks``):
    prompts cap long listings, so two payloads can share one body.
    """
    task = request.task if getattr(transport, "answers_tasks", False) else None
    return content_key(transport.identity, request.body, task, sample_index=sample_index)


def content_key(identity: str, body: Mapping[str, object], task: Task | None, *, sample_index: int) -> str:
    """SHA-256 (hex) of what a transport of this identity was asked; ``task`` is ``None`` for one that answers the body alone."""
    material: dict[str, object] = {
        "version": CACHE_SCHEMA_VERSION, "identity": identity, "body": body, "sample_index": sample_index,
    }  # fmt: skip
    if task is not None:
        material["task"] = {"kind": task.kind, "payload": task.payload}
    return hashlib.sha256(canonical_json(material).encode("ascii")).hexdigest()


def usage_to_mapping(usage: Usage) -> dict[str, int | bool]:
    """The usage as named values."""
    return {
        "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens, "is_estimated": usage.is_estimated,
    }  # fmt: skip


def _to_json(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)
