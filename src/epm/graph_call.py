"""The one way to start a LangGraph graph or a LangChain chat model, and the one place that knows of LangSmith.

    state = await call_graph(teacher_graph(), entry, {"recursion_limit": 24}, context=context)

A trace holds listings, prompts and replies. So none is made, whatever variables are set and whatever tracing the calling
program has switched on for itself. ``traced_to_langsmith`` switches it on for a command that was told to by
``--trace-langsmith``. ``tests/unit/house/test_graph_calls.py`` holds every call against this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Never, TypeVar

from epm.egress import EgressPolicy, host_of
from epm.errors import ConfigError
from epm.library_settings import taken_away

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable, RunnableConfig
    from langsmith import Client

Reply = TypeVar("Reply")

DEFAULT_ENDPOINT = "https://api.smith.langchain.com"
DEFAULT_PROJECT = "epm"
TRACED = "whole traces: listings, prompts, replies, decisions"
"""What a trace holds, as ``runs show`` says it."""
FLUSH_TIMEOUT_S = 30.0
"""What is waited at the end for traces that are still on their way: langsmith's own batches take a second or two."""


@dataclass(frozen=True, slots=True)
class _Tracing:
    """Where traces go: the client that sends them, its project, and the address as it is written down."""

    client: Client
    project: str
    place: str


class _State:
    tracing: _Tracing | None = None


_state = _State()


async def call_graph(graph: Runnable[Never, Reply], entry: object, config: RunnableConfig | None = None, **options: object) -> Reply:
    """What a graph or chat model comes to; nothing is traced unless this process was told to.

    Raises:
        Whatever the graph or model raises.
    """
    with _traced_or_not():
        return await graph.ainvoke(entry, config, **options)  # type: ignore[arg-type]  # each graph has an entry of its own


def traced_to() -> str | None:
    """Where this process sends traces of graphs: ``scheme://host:port``; ``None`` for nowhere, the default."""
    return None if _state.tracing is None else _state.tracing.place


@contextmanager
def traced_to_langsmith(policy: EgressPolicy) -> Iterator[str]:
    """Inside the ``with`` block every graph is traced to LangSmith; its address is given, and all was sent at the end.

    Address, key and project are those of ``LANGSMITH_ENDPOINT``, ``LANGSMITH_API_KEY`` and ``LANGSMITH_PROJECT`` (or
    ``LANGCHAIN_…``).

    Raises:
        ConfigError: no key, a policy that forbids the host or the proxy on the way, or one that hides fields.
    """
    url, key = langsmith_address(policy)
    from langsmith import Client

    from epm.gateway.sent import place_of

    client = Client(api_url=url, api_key=key)
    _state.tracing = _Tracing(client, taken_away("LANGSMITH_PROJECT", "LANGCHAIN_PROJECT") or DEFAULT_PROJECT, place_of(url))
    try:
        yield _state.tracing.place
    finally:
        _state.tracing = None
        client.flush(timeout=FLUSH_TIMEOUT_S)
        client.close(timeout=FLUSH_TIMEOUT_S)


def langsmith_address(policy: EgressPolicy) -> tuple[str, str]:
    """LangSmith's address and key, checked against the policy; nothing is looked up or sent.

    Raises:
        ConfigError: as ``traced_to_langsmith``.
    """
    from epm.gateway.vendors import proxy_for

    url = taken_away("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT") or DEFAULT_ENDPOINT
    policy.check_host(host_of(url), "LangSmith, for --trace-langsmith,")
    proxy = proxy_for(url)
    if proxy is not None:
        policy.check_host(host_of(proxy), "the proxy of the environment, for --trace-langsmith,")
    if policy.fields is not None:
        raise ConfigError("--trace-langsmith sends whole listings, but [egress] fields lets only some fields leave; leave one of them out")
    key = taken_away("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
    if key is None:
        raise ConfigError("--trace-langsmith needs the key of LangSmith: set the environment variable LANGSMITH_API_KEY")
    return url, key


@contextmanager
def _traced_or_not() -> Iterator[None]:
    tracing = _state.tracing
    from langsmith.run_helpers import tracing_context

    if tracing is not None:
        with tracing_context(enabled=True, client=tracing.client, project_name=tracing.project):
            yield
        return
    with _unheard(), tracing_context(enabled=False, parent=False):
        yield


@contextmanager
def _unheard() -> Iterator[None]:
    """Inside the block neither the tracer nor the callbacks that a calling program has in force are inherited."""
    from langchain_core.runnables.config import var_child_runnable_config
    from langchain_core.tracers.context import tracing_v2_callback_var

    around = var_child_runnable_config.get()
    tracer = tracing_v2_callback_var.set(None)
    config = var_child_runnable_config.set(None if around is None else {**around, "callbacks": None})
    try:
        yield
    finally:
        var_child_runnable_config.reset(config)
        tracing_v2_callback_var.reset(tracer)
