from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class FakeServer:
    """Remote control of ``fake_openai.py``: ``url`` is the api base; ``script`` sets what comes, ``log`` says what came."""

    url: str

    def script(self, **settings: object) -> None:
        self._call("/script", json.dumps(settings).encode())

    def log(self) -> dict:
        return self._call("/log", None)

    def release(self) -> None:
        """Let every batch end at the next look."""
        self._call("/release", b"{}")

    def n_requests(self) -> int:
        return self.log()["n_requests"]

    def _call(self, path: str, payload: bytes | None) -> dict:
        with urllib.request.urlopen(self.url.removesuffix("/v1") + path, data=payload, timeout=10) as response:  # noqa: S310  # loopback only
            return json.load(response)


@pytest.fixture(scope="session")
def _fake_server_url() -> Iterator[str]:
    program = Path(__file__).parent / "fake_openai.py"
    process = subprocess.Popen([sys.executable, str(program), "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def fake_server(_fake_server_url: str) -> FakeServer:
    """A fake OpenAI-compatible server with a clean script and an empty log."""
    server = FakeServer(_fake_server_url)
    server.script()
    return server
