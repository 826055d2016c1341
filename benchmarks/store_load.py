"""What a store takes: items and ledger rows a second, many at once, as a run of teaching writes them.

python benchmarks/store_load.py --store s.db
python benchmarks/store_load.py --store postgresql://USER@HOST/DATABASE --n 4000
"""

from __future__ import annotations

import argparse
import asyncio
import time

from epm.decision import Decision
from epm.errors import ErrorClass
from epm.gateway.completion import completion_body
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.request import CallScope, ChatReply, Usage
from epm.listing import Listing
from epm.pair import Pair
from epm.store.records import ItemResult, RunSpec
from epm.store.store import RunStore

CALLS_AN_ITEM = 5
"""A pair of the multi-agent teacher takes about as many."""
PROMPT = {"model": "m", "messages": [{"role": "user", "content": "kettle " * 700}]}
"""About 5 kB, as a decide prompt has."""


async def item(store: RunStore, run_id: str, name: str, at_once: asyncio.Semaphore) -> None:
    async with at_once:
        for number in range(CALLS_AN_ITEM):
            key = f"{name} {number}"
            call = CallRecord(CallScope(run_id, name, "teacher/decide"), key, "t", "m", "m", 1, Usage(900, 90), 0.001, 1.0, time.time())
            reply = ChatReply(completion_body("m", {"content": "answer " * 100}), Usage(900, 90), "m", 1.0, 0.001)
            await store.record_call(call, CachedReply(key, "id", PROMPT, reply))
        pair = Pair(name, Listing(f"l{name}", "Kolvra kettle KX-1"), Listing(f"r{name}", "kettle Kolvra"))
        await store.finish_item(run_id, ItemResult(name, pair, Decision.failed(name, ErrorClass.TIMEOUT, "late")))


async def write(store: RunStore, run_id: str, n_items: int, width: int) -> None:
    at_once = asyncio.Semaphore(width)
    await asyncio.gather(*(item(store, run_id, f"p{number}", at_once) for number in range(n_items)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--width", type=int, default=64)
    given = parser.parse_args()
    with RunStore.open(given.store) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0), fresh=True).run_id
        start_s = time.perf_counter()
        asyncio.run(write(store, run_id, given.n, given.width))
        write_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        n_read = sum(1 for _ in store.items(run_id))
        read_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        n_kept = sum(store.cached(f"p{number} 0") is not None for number in range(min(given.n, 500)))
        look_s = time.perf_counter() - start_s
    print(f"{store.place}: {given.n / write_s:.0f} items/s with {CALLS_AN_ITEM} calls each, {given.width} at once")
    print(f"read {n_read / read_s:.0f} items/s; looked up {n_kept / look_s:.0f} kept replies/s")


if __name__ == "__main__":
    main()
