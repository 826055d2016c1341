"""Progress of work behind a gateway, with what its limiter lets through."""

from __future__ import annotations

from dataclasses import replace

from epm.gateway.gateway import Gateway
from epm.gateway.metered import MeteredGateway
from epm.gateway.sent import sent_to
from epm.progress import ProgressSink


def with_limiter(sink: ProgressSink, gateway: Gateway | None) -> ProgressSink:
    """The sink, given the limiter's state with each event; as it was where calls do not leave this process."""
    if not isinstance(gateway, MeteredGateway) or sent_to(gateway.transport) is None:
        return sink
    state = gateway.limiter.state
    return lambda event: sink(replace(event, limiter=state))
