"""One command's way to its models: the store and the gateway over the right transport.

with open_session(store=".epm/store.db", model=ModelSettings("rules")) as session:
await session.gateway.send(request, scope)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from epm.config import DEFAULT_CONCURRENCY
from epm.egress import OPEN, EgressPolicy, load_policy
from epm.errors import ConfigError, ErrorClass
from epm.gateway.account import limiter_of
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.gateway.breaker import CircuitBreaker
from epm.gateway.budget import Budget
from epm.gateway.destination import egress_for
from epm.gateway.limiter import Limiter
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import price_of, priced, unknown_price
from epm.gateway.recorder import Recorder
from epm.gateway.request import ModelSettings, Transport
from epm.socket_guard import guard_sockets, policy_in_force
from epm.store.call_figures import was_answered
from epm.store.place import AnyPlace
from epm.store.store import RunStore


@dataclass(frozen=True, slots=True)
class Session:
    """An open store (``None``: ledger and cache live in memory), the gateway that writes to it, and what prompts may hold."""

    store: RunStore | None
    gateway: MeteredGateway
    egress: EgressPolicy = OPEN


@contextmanager
def open_session(
    *, store: AnyPlace | None, model: ModelSettings, concurrency: int = DEFAULT_CONCURRENCY, seed: int = 0,
    record: Path | None = None, bounds: Bounds = NO_BOUNDS, is_probe: bool = False,
) -> Iterator[Session]:  # fmt: skip
    """A session for one model; ``record`` names a cassette that every reply is added to, those of the store's cache included.

    In a probe every call stands for itself: no failure stops those after it.

    Raises:
        StoreError: the store cannot be opened.
        ConfigError: the egress policy forbids the model's host, its key variable is not set, its cassette cannot be used, or
            money is bounded and its price unknown.
    """
    require_price(model, bounds)
    transport = open_transport(model)
    with egress_in_force(model) as egress, nullcontext() if store is None else RunStore.open(store) as opened:
        gateway = make_gateway(
            transport, opened, model, concurrency=concurrency, seed=seed, bounds=bounds, record=record, is_probe=is_probe
        )
        yield Session(opened, gateway, egress)


@contextmanager
def egress_in_force(model: ModelSettings | None) -> Iterator[EgressPolicy]:
    """The policy of this process, else that of the configuration in the current folder, as it binds a model's prompts.

    Inside the ``with`` block no socket goes where the policy forbids.

    Raises:
        ConfigError: the configuration is wrong, or the model's host may not be reached; nothing was looked up.
    """
    policy = policy_in_force() if policy_in_force() != OPEN else load_policy(Path.cwd())
    egress = OPEN if model is None else egress_for(model, policy)
    with guard_sockets(policy):
        yield egress


def make_gateway(
    transport: Transport, store: RunStore | None, model: ModelSettings, *, concurrency: int, seed: int, bounds: Bounds = NO_BOUNDS,
    record: Path | None = None, is_probe: bool = False,
) -> MeteredGateway:  # fmt: skip
    """The gateway over a transport, within these bounds: the account's limiter, a breaker of its own unless it is for a probe.

    Raises:
        ConfigError: the bounds name a shared budget that is not in the store, or there is no store; ``record`` is no cassette,
            cannot be written, or is to hold what another cassette says.
    """
    if record is not None and model.cassette is not None:
        raise ConfigError(f"cassette {model.cassette!r} is replayed and {str(record)!r} recorded at once: that is a copy; give one of them")
    shared = None
    if bounds.shared is not None:
        if store is None:
            raise ConfigError(f"budget {bounds.shared!r} is shared through a store: give --store a file")
        shared = store.budget(bounds.shared, bounds.max_cost_usd)
    budget = Budget(bounds, lambda name: price_of(model, name), log=store, shared=shared)
    if model.cassette is not None:
        return _replaying_gateway(transport, store, model, concurrency=concurrency, seed=seed, budget=budget)
    limiter = Limiter(concurrency) if model.name == "rules" else limiter_of(model, concurrency=concurrency)
    breaker = None if is_probe else _breaker(store, model.timeout_s)
    gateway = MeteredGateway(transport, store, timeout_s=model.timeout_s, seed=seed, budget=budget, limiter=limiter, breaker=breaker)
    if record is not None:
        gateway.log = Recorder(gateway.log, record, identity=transport.identity)
    return gateway


def _replaying_gateway(
    transport: Transport, store: RunStore | None, model: ModelSettings, *, concurrency: int, seed: int, budget: Budget
) -> MeteredGateway:
    """A gateway that waits for nobody: what failed on the cassette fails again, and no server is to be spared or given up.

    Requests that are not on the cassette stop it, as a server that refuses everything does.
    """
    return MeteredGateway(
        transport, store, timeout_s=model.timeout_s, seed=seed, backoff_s=0.0, budget=budget,
        limiter=Limiter(concurrency, heeds_failures=False), breaker=CircuitBreaker(heeds=frozenset({ErrorClass.UNSUPPORTED})),
    )  # fmt: skip


def _breaker(store: RunStore | None, timeout_s: float) -> CircuitBreaker:
    if store is None:
        return CircuitBreaker(timeout_s=timeout_s)
    return CircuitBreaker(lambda scope: store.read(lambda connection: was_answered(connection, scope)), timeout_s=timeout_s)


def require_price(model: ModelSettings, bounds: Bounds) -> None:
    """Nothing, when the model's price is known or no money is bounded.

    Raises:
        ConfigError: a bound on money cannot hold without a price; says how to give one.
    """
    if price_of(model) is None and bounds.is_money:
        raise ConfigError(unknown_price(model.name))


def open_transport(model: ModelSettings) -> Transport:
    """The transport of a model: a cassette in its place, ``rules``, ``replay:FILE``, else litellm."""
    if model.cassette is not None:
        from epm.gateway.transports.replay import ReplayTransport

        return ReplayTransport(Path(model.cassette), is_of_any_model=model.replay is None)
    if model.name == "rules":
        from epm.gateway.transports.rules import RulesTransport

        return RulesTransport()
    from epm.gateway.transports.litellm import LitellmTransport

    return LitellmTransport(priced(model))
