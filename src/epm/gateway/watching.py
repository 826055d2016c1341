"""Progress of work behind a gateway, with what its limiter lets through, the tokens that went through, and what they cost."""

from __future__ import annotations

from dataclasses import replace

from epm.gateway.gateway import Gateway
from epm.gateway.metered import MeteredGateway
from epm.gateway.sent import sent_to
from epm.progress import ProgressEvent, ProgressSink


def with_traffic(sink: ProgressSink, gateway: Gateway | None) -> ProgressSink:
    """The sink, given the limiter's state and the stage's tokens and cost with each event; as it was where calls do not leave this process.

    The cost is the ledger's: items know nothing of calls that failed, were lost, or belong to items at work.
    """
    if not isinstance(gateway, MeteredGateway) or sent_to(gateway.transport) is None:
        return sink
    before_stage: dict[str, tuple[int, float]] = {}

    def show(event: ProgressEvent) -> None:
        n_before, before_usd = before_stage.setdefault(event.stage, (gateway.n_tokens, gateway.cost_usd))
        cost_usd = gateway.cost_usd - before_usd
        sink(replace(event, limiter=gateway.limiter.state, n_tokens=lambda: gateway.n_tokens - n_before, cost_usd=cost_usd))

    return show
