"""What a hostile server costs: each attack at n and 2n, with its class, CPU time, memory, and what other work waited meanwhile.

    python benchmarks/stalls.py

The server is the one of the tests, in a process of its own. ``gap_ratio`` is the longest silence of a task that ticks every
10 ms while eight attacked calls are in flight, beside the same under eight plain replies of the same run.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from fake_server import script, serving

from epm.errors import EpmError
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport

NAME = "openai/gpt-4o-mini"
N_CALLS = 8
ATTACKS = {
    "error page": ("page:{}", 300_000), "error in JSON": ("error:{}", 300_000), "reply": ("big:{}", 5_000_000),
    "gzip bomb": ("packed:gzip {}", 50_000_000), "endless body": ("endless:{}", 100_000), "nested JSON": ("deep:{}", 50_000),
}  # fmt: skip


async def attacked(url: str) -> tuple[list[str], float]:
    """What the calls came to, and the longest gap between ticks in seconds."""
    gateway = MeteredGateway(LitellmTransport(ModelSettings(NAME, api_base=url)), None, max_attempts=1, timeout_s=30)
    gaps: list[float] = []
    is_done = asyncio.Event()

    async def tick() -> None:
        while not is_done.is_set():
            start = time.perf_counter()
            await asyncio.sleep(0.01)
            gaps.append(time.perf_counter() - start)

    async def send(number: int) -> str:
        body = {"model": NAME, "messages": [{"role": "user", "content": str(number)}], "max_tokens": 100}
        try:
            await gateway.send(ChatRequest(body), CallScope(None, None, "stall"))
        except EpmError as error:
            return str(getattr(error, "error_class", type(error).__name__))
        return "answered"

    ticking = asyncio.create_task(tick())
    classes = await asyncio.gather(*map(send, range(N_CALLS)))
    is_done.set()
    await ticking
    return list(classes), max(gaps)


def measure(url: str, fault: str | None) -> dict[str, object]:
    """Class, CPU seconds of all calls together, the longest gap, and the peak of memory so far in MB."""
    script(url, faults=[fault] * N_CALLS if fault else [])
    start = time.process_time()
    classes, gap_s = asyncio.run(attacked(url))
    return {
        "classes": sorted(set(classes)), "cpu_s": round(time.process_time() - start, 3), "gap_s": round(gap_s, 4),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


def main() -> None:
    """Print one JSON object for each attack."""
    with serving() as url:
        measure(url, None)
        plain = measure(url, None)
        sys.stdout.write(json.dumps({"attack": None, **plain}) + "\n")
        for attack, (fault, size) in ATTACKS.items():
            once, twice = (measure(url, fault.format(n)) for n in (size, 2 * size))
            ratio = float(str(twice["gap_s"])) / float(str(plain["gap_s"]))
            row = {"attack": attack, "n": size, "cpu_s_n": once["cpu_s"], "gap_ratio": round(ratio, 1), **twice}
            sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
