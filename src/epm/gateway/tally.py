"""What each item takes, read off the ledger as it is written: for an estimate of the items that are still to come.

A hit on a reply that an earlier command paid for counts once at what it cost then: the sample shall show what items cost that
nobody has paid for yet. A hit on a reply of this very sample is free, as it will be in the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from epm.errors import ErrorClass
from epm.gateway.ledger import CachedReply, CallLog, CallRecord
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply


@dataclass(frozen=True, slots=True)
class ItemSpending:
    """Calls, tokens in and out together, and USD of one item; ``paid_usd`` is the part that was paid now."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    paid_usd: float = 0.0


class Tally:
    """A call log that passes everything on and adds it up by item."""

    def __init__(self, inner: CallLog) -> None:
        self._inner = inner
        self._by_item: dict[str, ItemSpending] = {}
        self._counted: set[str] = set()
        self._found: dict[str, ChatReply] = {}

    @classmethod
    def of(cls, gateway: MeteredGateway) -> Tally:
        """A tally of everything that this gateway will send."""
        gateway.log = tally = cls(gateway.log)
        return tally

    @property
    def items(self) -> Mapping[str, ItemSpending]:
        """What each item took so far; items without a call are not in it."""
        return self._by_item

    def cached(self, key: str) -> CachedReply | None:
        """The reply kept under a key."""
        kept = self._inner.cached(key)
        if kept is not None and key not in self._counted:
            self._found[key] = kept.reply
        return kept

    async def record_call(self, call: CallRecord, reply: CachedReply | None) -> None:
        """Write both rows and count the call."""
        self._count(call)
        await self._inner.record_call(call, reply)

    def post_call(self, call: CallRecord) -> None:
        """Write the ledger row and count the call."""
        self._count(call)
        self._inner.post_call(call)

    async def reject(self, key: str, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
        """Move the reply out of the cache."""
        await self._inner.reject(key, scope, error_class, reason)

    def _count(self, call: CallRecord) -> None:
        paid_usd = call.cost_usd or 0.0
        usage, cost_usd = call.usage, paid_usd
        if call.is_cached:
            earlier = self._found.pop(call.key, None)
            if earlier is None:
                return
            usage, cost_usd = earlier.usage, earlier.cost_usd or 0.0
        self._counted.add(call.key)
        before = self._by_item.get(call.scope.item_id or "", ItemSpending())
        tokens = usage.prompt_tokens + usage.completion_tokens
        self._by_item[call.scope.item_id or ""] = ItemSpending(
            before.calls + 1, before.tokens + tokens, before.cost_usd + cost_usd, before.paid_usd + paid_usd
        )
