"""The ledger row, and the kept reply, of one line of a batch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from epm.errors import ErrorClass
from epm.gateway.batch import BatchLine, LineFailure
from epm.gateway.completion import fault_of, plain_body, usage_of
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.prices import Price
from epm.gateway.request import ChatReply, ChatRequest, Usage

TRANSPORT = "litellm-batch"
_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class BatchOrigin:
    """Where a batch's calls went, when, and the price of a call in it (``None``: unknown)."""

    identity: str
    host: str
    price: Price | None
    started_at_s: float


def record_line(origin: BatchOrigin, line: BatchLine, outcome: Mapping[str, object] | LineFailure) -> tuple[CallRecord, CachedReply | None]:
    """The rows of a line: a reply that was cut off, filtered or refused is billed, and no cache takes it.

    The latency is the whole wait. A line that may have been billed counts at its worst case, where its price is known.
    """
    latency_s = time.time() - origin.started_at_s

    def row(usage: Usage, cost_usd: float | None, answered: str | None, failure: tuple[ErrorClass, str] | None) -> CallRecord:
        return CallRecord(
            line.scope, line.key, TRANSPORT, line.model, answered, attempt=1, usage=usage, cost_usd=cost_usd, latency_s=latency_s,
            started_at_s=origin.started_at_s, error_class=None if failure is None else failure[0],
            error=None if failure is None else failure[1][:_ERROR_CHARS], host=origin.host, sent=line.sent,
        )  # fmt: skip

    if isinstance(outcome, LineFailure):
        lost_usd = None if origin.price is None else line.worst.cost_usd
        return row(
            Usage(0, 0, is_estimated=outcome.is_lost), lost_usd if outcome.is_lost else 0.0, None, (outcome.error_class, outcome.message)
        ), None
    request = ChatRequest(line.request or {})
    body = plain_body(outcome)
    usage = usage_of(body, request)
    reply = ChatReply(body, usage, str(body.get("model")), latency_s, None if origin.price is None else origin.price.cost_usd(usage))
    fault = fault_of(body)
    call = row(usage, reply.cost_usd, reply.model, fault)
    return call, None if line.request is None else CachedReply(line.key, origin.identity, request.body, reply)
