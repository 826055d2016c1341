"""The limiter against three servers on a real socket, without flags: share of the capacity used, share of calls refused.

    python benchmarks/limiter.py [SECONDS [NAME]]        300 unless given; each server is measured over the last three fifths

One server allows 37 calls at once, one 600 calls a minute (a bucket that holds ten), one 37 at once, then 12, then 37
again, at a third and two thirds of the time. The gateway is ours with its defaults; its transport is a bare HTTP client,
so that two cores are enough. Prints one JSON line for each server,
and on stderr how the limiter stands every ten seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import httpx

from epm.config import DEFAULT_CONCURRENCY
from epm.errors import ErrorClass, ModelError
from epm.gateway.completion import completion_body
from epm.gateway.limiter import Limiter
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage

LATENCY_S = 1.0
WATCH_S = 10.0
OK, TOO_MANY = 200, 429
BODY = json.dumps(completion_body("m", {"content": "ok"})).encode()


@dataclass
class Server:
    """Allows ``at_once`` calls (from each second on), or ``per_minute``."""

    name: str
    at_once: list[tuple[float, int]] = field(default_factory=list)
    per_minute: int | None = None
    burst: float = 10.0
    n_at_work: int = 0
    level: float = 10.0
    refilled_s: float = field(default_factory=time.monotonic)
    began_s: float = field(default_factory=time.monotonic)
    answers: list[tuple[float, int]] = field(default_factory=list)

    def _allowed(self, now_s: float) -> int:
        return [n for begin_s, n in self.at_once if begin_s <= now_s - self.began_s][-1]

    def _admits(self, now_s: float) -> bool:
        if self.per_minute is None:
            return self.n_at_work < self._allowed(now_s)
        self.level = min(self.burst, self.level + (now_s - self.refilled_s) * self.per_minute / 60)
        self.refilled_s = now_s
        if self.level < 1:
            return False
        self.level -= 1
        return True

    def capacity(self, begin_s: float, end_s: float) -> float:
        """Calls that could be answered between two seconds."""
        if self.per_minute is not None:
            return self.per_minute * (end_s - begin_s) / 60
        ends = [begin for begin, _ in self.at_once[1:]] + [end_s]
        spans = [(max(begin, begin_s), min(end, end_s), n) for (begin, n), end in zip(self.at_once, ends, strict=True)]
        return sum(n * (end - begin) / LATENCY_S for begin, end, n in spans if end > begin)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it closes."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                await reader.readexactly(length)
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        now_s = time.monotonic()
        status = OK if self._admits(now_s) else TOO_MANY
        self.answers.append((now_s - self.began_s, status))
        if status == OK:
            self.n_at_work += 1
            await asyncio.sleep(LATENCY_S)
            self.n_at_work -= 1
        body = BODY if status == OK else b"{}"
        writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()


class PlainTransport:
    """One POST for each send."""

    name = "plain-http"
    identity = "plain-http"

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=DEFAULT_CONCURRENCY, max_keepalive_connections=DEFAULT_CONCURRENCY)
        self.client = httpx.AsyncClient(base_url=url, limits=limits)

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """The reply, from exactly one request."""
        start = time.perf_counter()
        response = await self.client.post("/chat/completions", json=dict(request.body), timeout=timeout_s)
        if response.status_code == TOO_MANY:
            raise ModelError("slow down", ErrorClass.RATE_LIMITED)
        return ChatReply(response.json(), Usage(1, 1), "m", time.perf_counter() - start, cost_usd=0.0)


async def measure(server: Server, seconds: float) -> dict[str, object]:
    """Figures of one server under calls that never rest."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    transport = PlainTransport(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    gateway = MeteredGateway(transport, None, limiter=Limiter(DEFAULT_CONCURRENCY))
    n_asked = n_failed = 0

    async def work() -> None:
        nonlocal n_asked, n_failed
        while time.monotonic() - server.began_s < seconds:
            n_asked += 1
            body = {"model": "m", "messages": [{"role": "user", "content": str(n_asked)}]}
            try:
                await gateway.send(ChatRequest(body), CallScope(None, None, "bench"))
            except ModelError:
                n_failed += 1

    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            late = [status for at_s, status in server.answers if at_s >= time.monotonic() - server.began_s - WATCH_S]
            state = gateway.limiter.state()
            sys.stderr.write(
                f"{time.monotonic() - server.began_s:5.0f} s  limit {state.limit}, in flight {state.n_in_flight}, waiting {state.n_waiting}, "
                f"rate {state.rate_per_s}, answered {late.count(OK)}, refused {late.count(TOO_MANY)}\n"
            )

    cpu_s = time.process_time()
    watching = asyncio.create_task(watch())
    await asyncio.gather(*(work() for _ in range(DEFAULT_CONCURRENCY)))
    watching.cancel()
    await transport.client.aclose()
    await asyncio.sleep(0.1)  # the server sees its connections close
    listening.close()
    measured = [status for at_s, status in server.answers if 0.4 * seconds <= at_s < seconds]
    return {
        "server": server.name, "seconds": seconds, "calls": len(server.answers), "failed_for_good": n_failed,
        "share_of_capacity": round(measured.count(OK) / server.capacity(0.4 * seconds, seconds), 3),
        "share_429": round(measured.count(TOO_MANY) / len(measured), 3),
        "cpu_ms_per_call": round(1000 * (time.process_time() - cpu_s) / len(server.answers), 2),
    }  # fmt: skip


def main(seconds: float, only: str = "") -> None:
    """Measure the three servers one after another, or those whose name holds ``only``."""
    changes = [(0.0, 37), (seconds / 3, 12), (2 * seconds / 3, 37)]
    for build in (
        lambda: Server("37 at once", [(0.0, 37)]),
        lambda: Server("600 a minute", per_minute=600),
        lambda: Server("37, 12, 37 at once", changes),
    ):
        if only in build().name:
            sys.stdout.write(json.dumps(asyncio.run(measure(build(), seconds))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 300.0, *sys.argv[2:3])
