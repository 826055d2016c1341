"""What a stretch of work behind a gateway took, as its ledger has it."""

from __future__ import annotations

from dataclasses import dataclass

from epm.gateway.gateway import Gateway
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import Usage


@dataclass(frozen=True, slots=True)
class Spending:
    """USD (unknown prices count 0) and tokens of all calls that were sent, and how many replies were there already."""

    cost_usd: float
    usage: Usage
    n_cached: int


class Meter:
    """Reads what goes through a gateway from now on."""

    def __init__(self, gateway: Gateway | None) -> None:
        self._gateway = gateway if isinstance(gateway, MeteredGateway) else None
        self._before = self._total()

    def read(self) -> Spending | None:
        """What it took; ``None`` when nobody was asked, or the gateway does not say."""
        before, now = self._before, self._total()
        if before is None or now is None or now == before:
            return None
        return Spending(now.cost_usd - before.cost_usd, now.usage.minus(before.usage), now.n_cached - before.n_cached)

    def _total(self) -> Spending | None:
        return None if self._gateway is None else Spending(self._gateway.cost_usd, self._gateway.usage, self._gateway.n_hits)
