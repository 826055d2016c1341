"""One command's way to its models: the store and the gateway over the right transport.

with open_session(store=".epm/store.db", model=ModelSettings("rules")) as session:
await session.gateway.send(request, scope)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from epm.egress import OPEN, EgressPolicy, load_policy
from epm.gateway.destination import egress_for
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings, Transport
from epm.socket_guard import guard_sockets, policy_in_force
from epm.store.store import RunStore

REPLAY_PREFIX = "replay:"


@dataclass(frozen=True, slots=True)
class Session:
    """An open store (``None``: ledger and cache live in memory), the gateway that writes to it, and what prompts may hold."""

    store: RunStore | None
    gateway: MeteredGateway
    egress: EgressPolicy = OPEN


@contextmanager
def open_session(
    *, store: str | Path | None, model: ModelSettings, concurrency: int = 8, seed: int = 0, record: Path | None = None
) -> Iterator[Session]:  # fmt: skip
    """A session for one model; ``record`` names a cassette that every delivered reply is appended to.

    Raises:
        StoreError: the store cannot be opened.
        ConfigError: the egress policy forbids the model's host, its key variable is not set, or its cassette cannot be used.
    """
    policy = standing_policy()
    egress = egress_for(model, policy)  # before anything else: a forbidden host is not even looked up
    transport = open_transport(model)
    if record is not None:
        from epm.gateway.transports.replay import RecordingTransport

        transport = RecordingTransport(transport, record)
    with guard_sockets(policy), nullcontext() if store is None else RunStore.open(store) as opened:
        gateway = MeteredGateway(transport, opened, concurrency=concurrency, timeout_s=model.timeout_s, seed=seed)
        yield Session(opened, gateway, egress)


def standing_policy() -> EgressPolicy:
    """The egress policy of this process, else that of the configuration in the current folder.

    Raises:
        ConfigError: the configuration is wrong.
    """
    return policy_in_force() if policy_in_force() != OPEN else load_policy(Path.cwd())


def open_transport(model: ModelSettings) -> Transport:
    """The transport of a model name: ``rules``, ``replay:FILE``, else litellm."""
    if model.name == "rules":
        from epm.gateway.transports.rules import RulesTransport

        return RulesTransport()
    if model.name.startswith(REPLAY_PREFIX):
        from epm.gateway.transports.replay import ReplayTransport

        return ReplayTransport(Path(model.name.removeprefix(REPLAY_PREFIX)))
    from epm.gateway.transports.litellm import LitellmTransport

    return LitellmTransport(model)
