"""A run to be killed: N items, two calls each, through gateway and store against a server; resumed by running it again.

python tests/integration/kill_worker.py STORE API_BASE N_ITEMS CONCURRENCY
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import httpx

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass, ModelError
from epm.gateway.completion import usage_of
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.run import run_items
from epm.store.records import ItemResult, RunSpec, RunStatus
from epm.store.store import RunStore


class PlainHttpTransport:
    """One POST for each send; starts faster than litellm, so that more kills fit into a test."""

    name = "plain-http"
    identity = "plain-http"

    def __init__(self, api_base: str) -> None:
        self._client = httpx.AsyncClient(base_url=api_base)

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        start = time.perf_counter()
        response = await self._client.post("/chat/completions", json=dict(request.body), timeout=timeout_s)
        if response.status_code != httpx.codes.OK:
            raise ModelError(f"status {response.status_code}", ErrorClass.OVERLOADED)
        body = response.json()
        return ChatReply(body, usage_of(body, request), body["model"], time.perf_counter() - start, cost_usd=0.001)


async def run(store: RunStore, api_base: str, n_items: int, concurrency: int) -> None:
    handle = store.begin(RunSpec("kill", "in", "m", "p", "plain-http", 0))
    gateway = MeteredGateway(PlainHttpTransport(api_base), store, concurrency=concurrency, backoff_s=0.01)
    done = store.done_ids(handle.run_id)
    todo = [pair for i in range(n_items) if (pair := Pair(f"p{i}", Listing("l", f"left {i}"), Listing("r", f"right {i}"))).id not in done]

    async def decide(pair: Pair) -> Decision:
        for step in ("extract", "decide"):
            body = {"model": "m", "messages": [{"role": "user", "content": f"{step} {pair.id}"}]}
            await gateway.send(ChatRequest(body), CallScope(handle.run_id, pair.id, step))
        return Decision(pair.id, Outcome.DECIDED, label=Label.MATCH)

    async def finish(pair: Pair, decision: Decision) -> None:
        await store.finish_item(handle.run_id, ItemResult(pair.id, pair, decision))

    await run_items(todo, decide, concurrency=concurrency, on_result=finish)
    store.finish_run(handle.run_id, RunStatus.DONE)


if __name__ == "__main__":
    # a shell starts background jobs with Ctrl-C ignored, and children inherit that: `make test &` would make it a no-op here
    signal.signal(signal.SIGINT, signal.default_int_handler)
    place, server, items, width = sys.argv[1:]
    with RunStore.open(place) as opened:
        asyncio.run(run(opened, server, int(items), int(width)))
