"""The tests' fake OpenAI-compatible server, in a process of its own, for benchmarks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

_PROGRAM = Path(__file__).parents[1] / "tests" / "integration" / "fake_openai.py"


@contextmanager
def serving() -> Iterator[str]:
    """The address of a running server."""
    with subprocess.Popen([sys.executable, str(_PROGRAM), "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield next(iter(server.stdout or ())).strip()
        finally:
            server.kill()


def script(url: str, **settings: object) -> None:
    """Say what the server does from now on, and clear its log."""
    httpx.post(url.removesuffix("/v1") + "/script", json=settings).raise_for_status()


def seen(url: str) -> dict[str, object]:
    """The server's log since it was told what to do."""
    logged: dict[str, object] = httpx.get(url.removesuffix("/v1") + "/log", timeout=60.0).json()
    return logged
