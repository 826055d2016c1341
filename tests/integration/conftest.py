from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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


class MovingServer:
    """A server that answers every request, of whatever vendor, with a 307 to another host."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                paths.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(307)
                self.send_header("Location", f"http://evil.invalid{self.path}?key=abc-secret")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = answer  # noqa: N815  # the library's names

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def n_requests(self) -> int:
        return len(self.paths)


@pytest.fixture
def moving_server() -> Iterator[MovingServer]:
    """A server that redirects everything, with a list of what it was asked."""
    moving = MovingServer()
    yield moving
    moving.server.shutdown()
    moving.server.server_close()
