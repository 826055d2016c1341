"""What the gateway costs: our structured calls beside a bare gather over instructor and litellm, and beside aiohttp alone.

    python benchmarks/overhead.py [SECONDS [IN_FLIGHT ...]]        60, and 64 and 256, unless given

A fake server in a process of its own answers each call after one second. Every client runs in a process of its own, after
one call that warms it; all ask the same prompts, with so many calls in flight for so long that an ideal client would take
SECONDS. Ours writes ledger and cache to a store on disk and finds out by itself how much it may send. One JSON line for
each client: the share of the ideal rate, over the whole run and over its second half (ours begins with few calls in
flight), and CPU milliseconds of the client for each call. ``--profile`` writes our client's profile to stderr.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fake_server import script, serving
from pydantic import BaseModel

LATENCY_S = 1.0
CLIENTS = ("epm", "gather", "aiohttp")
MODEL = "openai/gpt-4o-mini"
SYSTEM = "Say whether the two listings are the same product."
Ask = Callable[[str], Awaitable[object]]


class Verdict(BaseModel):
    """What every client asks for."""

    reason: str
    is_match: bool


async def in_flight(ask: Ask, n_calls: int, width: int) -> list[float]:
    """Seconds from the start to the end of each call, ``width`` of them at a time."""
    ended: list[float] = []
    numbers = iter(range(n_calls))
    start = time.perf_counter()

    async def work() -> None:
        for number in numbers:
            await ask(f"Kolvra KX-{number} lamp || Kolvra KX {number} table lamp")
            ended.append(time.perf_counter() - start)

    await asyncio.gather(*(work() for _ in range(width)))
    return ended


async def drive(ask: Ask, n_calls: int, width: int) -> dict[str, object]:
    """The figures of one client."""
    await ask("a first call that loads what loads late")
    cpu_s = time.process_time()
    ended = await in_flight(ask, n_calls, width)
    half = ended[len(ended) // 2 :]
    ideal_per_s = width / LATENCY_S
    return {
        "in_flight": width, "calls": n_calls, "wall_s": round(ended[-1], 1), "calls_per_s": round(n_calls / ended[-1], 1),
        "share_of_ideal": round(n_calls / ended[-1] / ideal_per_s, 3),
        "share_of_ideal_second_half": round((len(half) - 1) / (half[-1] - half[0]) / ideal_per_s, 3),
        "cpu_ms_per_call": round(1000 * (time.process_time() - cpu_s) / n_calls, 2),
    }  # fmt: skip


def run_epm(url: str, n_calls: int, width: int) -> dict[str, object]:
    """Our gateway, as a command opens it."""
    from epm.gateway.request import CallScope, ModelSettings
    from epm.gateway.structured import ask
    from epm.session import open_session

    model = ModelSettings(MODEL, api_base=url, max_tokens=64)
    with tempfile.TemporaryDirectory() as folder, open_session(store=Path(folder) / "store.db", model=model, concurrency=width) as session:

        async def ours(user: str) -> object:
            scope = CallScope(None, user, "decide")
            return await ask(session.gateway, model=model, system=SYSTEM, user=user, response_model=Verdict, task=None, scope=scope)

        return asyncio.run(drive(ours, n_calls, width))


def run_gather(url: str, n_calls: int, width: int) -> dict[str, object]:
    """What one writes first: instructor over litellm, as many at a time as wanted."""
    import instructor
    import litellm

    client = instructor.from_litellm(litellm.acompletion, mode=instructor.Mode.JSON_SCHEMA)

    async def naive(user: str) -> object:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]
        return await client.chat.completions.create(
            model=MODEL, api_base=url, api_key="not-needed", response_model=Verdict, max_retries=1, temperature=0.0, max_tokens=64,
            messages=messages,
        )  # fmt: skip

    return asyncio.run(drive(naive, n_calls, width))


def run_aiohttp(url: str, n_calls: int, width: int) -> dict[str, object]:
    """The socket and JSON alone."""
    import aiohttp

    async def measure() -> dict[str, object]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width)) as client:

            async def bare(user: str) -> object:
                body = {"model": MODEL, "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]}
                async with client.post(f"{url}/chat/completions", json=body) as response:
                    return await response.json()

            return await drive(bare, n_calls, width)

    return asyncio.run(measure())


def run_client(client: str, url: str, n_calls: int, width: int, *, is_profiled: bool) -> None:
    """Print the figures of one client."""
    run = {"epm": run_epm, "gather": run_gather, "aiohttp": run_aiohttp}[client]
    profile = cProfile.Profile()
    if is_profiled:
        profile.enable()
    figures = run(url, n_calls, width)
    if is_profiled:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(70)
    sys.stdout.write(json.dumps({"client": client, **figures}) + "\n")


def main(seconds: float, widths: list[int], *, is_profiled: bool) -> None:
    """Start the server, then every client after another."""
    with serving() as url:
        for width in widths:
            for client in CLIENTS:
                script(url, latency_s=LATENCY_S)
                options = ["--profile"] if is_profiled and client == "epm" else []
                command = [sys.executable, __file__, "--client", client, url, str(round(seconds * width)), str(width), *options]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--profile"]
    wants_profile = len(arguments) < len(sys.argv) - 1
    if arguments[:1] == ["--client"]:
        run_client(arguments[1], arguments[2], int(arguments[3]), int(arguments[4]), is_profiled=wants_profile)
    else:
        main(float(arguments[0]) if arguments else 60.0, [int(width) for width in arguments[1:]] or [64, 256], is_profiled=wants_profile)
