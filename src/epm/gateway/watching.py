"""Progress of work behind a gateway, with what its limiter lets through and the tokens that went through."""

from __future__ import annotations

from dataclasses import replace

from epm.gateway.gateway import Gateway
from epm.gateway.metered import MeteredGateway
from epm.gateway.sent import sent_to
from epm.progress import ProgressEvent, ProgressSink


def with_traffic(sink: ProgressSink, gateway: Gateway | None) -> ProgressSink:
    """The sink, given the limiter's state and the stage's tokens with each event; as it was where calls do not leave this process."""
    if not isinstance(gateway, MeteredGateway) or sent_to(gateway.transport) is None:
        return sink
    n_before_stage: dict[str, int] = {}

    def show(event: ProgressEvent) -> None:
        n_before = n_before_stage.setdefault(event.stage, gateway.n_tokens)
        sink(replace(event, limiter=gateway.limiter.state, n_tokens=lambda: gateway.n_tokens - n_before))

    return show
