"""A gateway that counts what one item spends, whichever way its calls are made."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from epm.errors import ErrorClass
from epm.gateway.gateway import Gateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage


@runtime_checkable
class _Rejecting(Protocol):
    async def reject(self, request: ChatRequest, scope: CallScope, error_class: ErrorClass, reason: str) -> None: ...


class ItemGateway:
    """Passes every call on and adds it up. ``cost_usd`` counts unknown prices as 0; ``n_unpriced`` says how many.

    ``usage`` is of the replies that were answered, those of the cache included.
    """

    def __init__(self, inner: Gateway) -> None:
        self._inner = inner
        self.n_calls = 0
        self.n_cached = 0
        self.n_unpriced = 0
        self.cost_usd = 0.0
        self.usage = Usage(0, 0)
        self._latest: dict[str, tuple[ChatRequest, CallScope]] = {}

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        """The reply of the inner gateway."""
        reply = await self._inner.send(request, scope)
        self._latest[scope.role] = request, scope
        self.n_calls += 1
        self.n_cached += reply.is_cached
        self.n_unpriced += reply.cost_usd is None
        self.cost_usd += reply.cost_usd or 0.0
        self.usage = self.usage.plus(reply.usage)
        return reply

    def spent(self) -> dict[str, object]:
        """What the item took, as entries of a provenance."""
        usage = self.usage
        return {
            "n_calls": self.n_calls, "n_cached": self.n_cached, "n_unpriced": self.n_unpriced, "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens, "reasoning_tokens": usage.reasoning_tokens,
        }  # fmt: skip

    async def reject(self, request: ChatRequest, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
        """Take a reply that proved useless out of the cache, where the inner gateway has one."""
        if isinstance(self._inner, _Rejecting):
            await self._inner.reject(request, scope, error_class, reason)

    async def reject_latest(self, role: str, error_class: ErrorClass, reason: str) -> None:
        """The same for the last reply that this item was given in a role, if it was given one."""
        latest = self._latest.get(role)
        if latest is not None:
            await self.reject(*latest, error_class, reason)
