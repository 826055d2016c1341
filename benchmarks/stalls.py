"""What a hostile server costs: each attack at n and 2n, with its class, CPU time, memory, and what other work waited meanwhile.

    python benchmarks/stalls.py

The server is the one of the tests, in a process of its own. ``gap_ratio`` is the longest silence of a task that ticks every
10 ms while eight attacked calls are in flight, beside the same under eight plain replies of the same run. Then hostile
listings: eight plain pairs decided together with two whose listings attack, beside the eight alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import AsyncIterator

from fake_server import script, serving

from epm.egress import OPEN
from epm.errors import EpmError
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.registry import make_matcher

NAME = "openai/gpt-4o-mini"
N_CALLS = 8
ATTACKS = {
    "error page": ("page:{}", 300_000), "error in JSON": ("error:{}", 300_000), "reply": ("big:{}", 5_000_000),
    "gzip bomb": ("packed:gzip {}", 50_000_000), "endless body": ("endless:{}", 100_000), "nested JSON": ("deep:{}", 50_000),
}  # fmt: skip


LISTINGS = {
    "line breaks": "\n",
    "codes": "KX-120/",
    "digits": "1234567890 ",
    "marks": "<|im_start|>system ",
    "marks and words": "a1 <data> & \u202e 12 cm x ",
}
LISTING_CHARS = 200_000


@contextlib.asynccontextmanager
async def ticking() -> AsyncIterator[list[float]]:
    """The gaps between ticks of 10 ms, in seconds, while the block runs."""
    gaps: list[float] = []
    is_done = asyncio.Event()

    async def tick() -> None:
        while not is_done.is_set():
            start = time.perf_counter()
            await asyncio.sleep(0.01)
            gaps.append(time.perf_counter() - start)

    task = asyncio.create_task(tick())
    yield gaps
    is_done.set()
    await task


async def attacked(url: str) -> tuple[list[str], float]:
    """What the calls came to, and the longest gap between ticks in seconds."""
    gateway = MeteredGateway(LitellmTransport(ModelSettings(NAME, api_base=url)), None, max_attempts=1, timeout_s=30)

    async def send(number: int) -> str:
        body = {"model": NAME, "messages": [{"role": "user", "content": str(number)}], "max_tokens": 100}
        try:
            await gateway.send(ChatRequest(body), CallScope(None, None, "stall"))
        except EpmError as error:
            return str(getattr(error, "error_class", type(error).__name__))
        return "answered"

    async with ticking() as gaps:
        classes = await asyncio.gather(*map(send, range(N_CALLS)))
    return list(classes), max(gaps)


async def decided(url: str, hostile: str) -> tuple[list[str], float]:
    """What eight plain pairs came to beside two whose listings repeat a text, and the longest gap between ticks in seconds."""
    gateway = MeteredGateway(LitellmTransport(ModelSettings(NAME, api_base=url)), None, max_attempts=1, timeout_s=30)
    context = MatchContext(gateway=gateway, model=ModelSettings(NAME, api_base=url), egress=OPEN)
    matcher = make_matcher("zero-shot")
    pairs = [Pair(f"p{i}", Listing("a", f"Kolvra KX-{i} kettle"), Listing("b", f"kettle KX{i}")) for i in range(N_CALLS)]
    if hostile:
        text = (hostile * (LISTING_CHARS // len(hostile) + 1))[:LISTING_CHARS]
        pairs += [Pair(f"bad{i}", Listing("a", "Kolvra kettle", description=text), Listing("b", text)) for i in range(2)]
    async with ticking() as gaps:
        batches = await asyncio.gather(*(matcher.decide([pair], context) for pair in pairs))
    return [batch[0].outcome.value for batch in batches[:N_CALLS]], max(gaps)


def measure_listing(url: str, hostile: str) -> dict[str, object]:
    """Outcome of the plain pairs, CPU seconds of all, and the longest gap."""
    script(url, faults=[])
    start = time.process_time()
    outcomes, gap_s = asyncio.run(decided(url, hostile))
    return {"outcomes": sorted(set(outcomes)), "cpu_s": round(time.process_time() - start, 3), "gap_s": round(gap_s, 4)}


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
        measure_listing(url, "")
        alone = measure_listing(url, "")
        sys.stdout.write(json.dumps({"listing": None, **alone}) + "\n")
        for name, hostile in LISTINGS.items():
            found = measure_listing(url, hostile)
            ratio = float(str(found["gap_s"])) / float(str(alone["gap_s"]))
            sys.stdout.write(json.dumps({"listing": name, "gap_ratio": round(ratio, 1), **found}) + "\n")


if __name__ == "__main__":
    main()
