"""The Gateway seam; see ``Gateway.send``."""

from __future__ import annotations

from typing import Protocol

from epm.gateway.request import CallScope, ChatReply, ChatRequest


class Gateway(Protocol):
    """The only way to a model."""

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        """The reply, from the cache or the transport; every physical call is in the ledger before this returns."""
        ...
