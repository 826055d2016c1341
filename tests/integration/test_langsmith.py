"""``--trace-langsmith`` alone traces graphs: bound by the egress policy, said on stderr, and named by ``runs show``."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from epm.files.pairs import write_pairs
from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport
from epm.listing import Listing
from epm.matching import match
from epm.pair import Pair
from hostile_environment import watch

pytest.importorskip("chromadb")

PAIR = Pair("p1", Listing("l1", "Kolvra KX-1"), Listing("r1", "Kolvra KX-1"))
KEY = "lsv2_pt_0123456789abcdef"


class Langsmith:
    """A server that takes traces: ``n_bytes`` is how much came."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self.paths: list[str] = []
        taker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taker.n_bytes += len(self.rfile.read(int(self.headers.get("content-length", 0))))
                self._answer(202)

            def do_GET(self) -> None:
                self._answer(200)

            def _answer(self, status: int) -> None:
                taker.paths.append(self.path)
                self.send_response(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def langsmith() -> Iterator[Langsmith]:
    server = Langsmith()
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "pairs.jsonl", [PAIR])
    return tmp_path


TEACH = ("teach", "pairs.jsonl", "--embedder", "hash", "--json")


def test_the_flag_sends_traces_says_so_and_runs_show_names_the_place(folder: Path, langsmith: Langsmith) -> None:
    environment = {"LANGSMITH_ENDPOINT": langsmith.url, "LANGSMITH_API_KEY": KEY}
    seen = watch(folder, [*TEACH, "--trace-langsmith"], environment)
    assert seen.returncode == 0, seen.stderr
    assert langsmith.n_bytes > 0
    assert f"sending to {langsmith.url}: whole traces" in seen.stderr
    shown = watch(folder, ["runs", "show", json.loads(seen.stdout)["run_id"]], {})
    assert f"stayed on this machine: traces to {langsmith.url} with whole traces" in shown.stdout
    assert KEY not in seen.stderr + shown.stdout
    assert not [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_without_the_flag_nothing_is_sent_whatever_is_set(folder: Path, langsmith: Langsmith) -> None:
    environment = {"LANGSMITH_ENDPOINT": langsmith.url, "LANGSMITH_API_KEY": KEY, "LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING": "true"}
    seen = watch(folder, TEACH, environment)
    assert seen.returncode == 0, seen.stderr
    assert (langsmith.paths, seen.places) == ([], frozenset())


@pytest.mark.parametrize("rule", ["--local-only", '[egress]\nhosts = ["api.openai.com"]\n', '[egress]\nfields = ["title"]\n'])
def test_the_egress_policy_binds_it_before_anything_is_sent(folder: Path, rule: str) -> None:
    flags = [rule] if rule.startswith("--") else []
    if not flags:
        (folder / "epm.toml").write_text(rule)
    seen = watch(folder, [*TEACH, "--trace-langsmith", *flags], {"LANGSMITH_API_KEY": KEY})
    assert (seen.returncode, seen.stdout, seen.places) == (2, "", frozenset())
    [line] = seen.stderr.splitlines()
    assert "--trace-langsmith" in line


def test_a_key_must_be_there(folder: Path) -> None:
    seen = watch(folder, [*TEACH, "--trace-langsmith"], {})
    assert (seen.returncode, seen.places) == (2, frozenset())
    assert "LANGSMITH_API_KEY" in seen.stderr


def test_a_program_that_traces_itself_does_not_trace_our_graphs(
    tmp_path: Path, langsmith: Langsmith, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``epm.match`` from Python: by the environment, by a tracing context, by a tracer in force, and by inherited callbacks."""
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tracers.context import tracing_v2_enabled
    from langsmith import Client
    from langsmith.run_helpers import tracing_context

    monkeypatch.chdir(tmp_path)
    client = Client(api_url=langsmith.url, api_key=KEY)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")

    def decide(_: object = None) -> int:
        return len(match([PAIR], "multi-agent-rag", model=ModelSettings("rules")))

    with tracing_context(enabled=True, client=client), tracing_v2_enabled(client=client) as tracer:
        assert decide() == 1
        client.flush()
        assert (langsmith.n_bytes, tracer.latest_run) == (0, None)

        assert asyncio.run(RunnableLambda(decide).ainvoke("own step")) == 1
    client.flush()
    assert tracer.latest_run is not None  # the program's own step is traced as before
    assert b"Kolvra" not in repr(tracer.latest_run).encode()
    assert not tracer.latest_run.child_runs


def test_a_programs_own_callbacks_of_litellm_do_not_hear_our_calls(tmp_path: Path, fake_server, monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm
    from litellm.integrations.custom_logger import CustomLogger

    heard: list[object] = []

    class Hearing(CustomLogger):
        def log_pre_api_call(self, model: object, messages: object, kwargs: object) -> None:
            heard.append(messages)

        async def async_log_success_event(self, kwargs: object, *_: object) -> None:
            heard.append(kwargs)

        async def async_log_failure_event(self, kwargs: object, *_: object) -> None:
            heard.append(kwargs)

    async def ask(*, is_ours: bool) -> None:
        if is_ours:
            request = ChatRequest({"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Kolvra"}]})
            await LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url)).send(request, timeout_s=30)
        else:
            await litellm.acompletion("openai/gpt-4o-mini", [{"role": "user", "content": "own"}], api_base=fake_server.url, api_key="k")
        await asyncio.sleep(0.5)  # litellm hands its events to a worker of the same loop

    monkeypatch.setattr(litellm, "callbacks", [Hearing()])
    asyncio.run(ask(is_ours=True))
    assert heard == []
    asyncio.run(ask(is_ours=False))
    assert heard  # the program's own calls are heard as before
