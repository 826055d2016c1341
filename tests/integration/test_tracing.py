"""Nothing traces or overhears graphs and calls but what `--trace-langsmith` asked for: bound by egress, and named by `runs show`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from epm.errors import ConfigError
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


PROGRAM = """
import epm
pair = epm.Pair("p1", epm.Listing("l1", "Kolvra KX-1"), epm.Listing("r1", "Kolvra KX-1"))
from langsmith.run_helpers import tracing_context
from langsmith.run_trees import get_cached_client
{context}
    assert len(epm.match([pair], "multi-agent-rag", model="rules").decisions) == 1
get_cached_client().flush()
"""


@pytest.mark.parametrize("context", ["if True:", "with tracing_context(enabled=True):", "with tracing_context(parent=None):"])
def test_a_program_that_traces_itself_does_not_trace_our_graphs(tmp_path: Path, langsmith: Langsmith, context: str) -> None:
    environment = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": langsmith.url, "LANGSMITH_API_KEY": KEY}
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(path for path in sys.path if path), **environment}
    code = PROGRAM.format(context=context)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert langsmith.n_bytes == 0


def test_tracers_and_callbacks_in_force_around_us_hear_nothing_of_our_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tracers.context import tracing_v2_enabled
    from langsmith import Client

    monkeypatch.chdir(tmp_path)
    heard: list[str] = []

    class Hearing(BaseCallbackHandler):
        def on_chain_start(self, *_: object, **options: object) -> None:
            heard.append(str(options.get("name")))

    def decide(_: object = None) -> int:
        return len(match([PAIR], "multi-agent-rag", model=ModelSettings("rules")))

    assert asyncio.run(RunnableLambda(decide).ainvoke("own step", {"callbacks": [Hearing()]})) == 1
    assert heard == ["decide"]  # the program's own step is heard as before
    with tracing_v2_enabled(client=Client(api_url="http://127.0.0.1:9", api_key=KEY)) as tracer:
        assert decide() == 1
    assert tracer.latest_run is None


LISTS = ("callbacks", "input_callback", "success_callback", "failure_callback")


@pytest.fixture
def own_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of litellm's callbacks that end with the test: a call copies callbacks from one into the others."""
    import litellm

    for name in (*LISTS, "_async_input_callback", "_async_success_callback", "_async_failure_callback"):
        monkeypatch.setattr(litellm, name, [])


@pytest.mark.usefixtures("own_lists")
@pytest.mark.parametrize("name", LISTS)
def test_a_process_whose_callbacks_of_litellm_would_hear_our_prompts_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm

    monkeypatch.setattr(litellm, name, ["langfuse"])
    with pytest.raises(ConfigError, match="langfuse"):
        LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base="http://127.0.0.1:9/v1"))


@pytest.mark.usefixtures("own_lists")
@pytest.mark.filterwarnings("ignore:Item .* is using the `ReadOnly` qualifier:UserWarning")  # pydantic, of litellm's types
def test_callbacks_added_later_hear_no_reply(fake_server) -> None:
    import litellm
    from litellm.integrations.custom_logger import CustomLogger

    heard: list[object] = []

    class Hearing(CustomLogger):
        async def async_log_success_event(self, kwargs: object, *_: object, **__: object) -> None:
            heard.append(kwargs)

    async def ask() -> None:
        request = ChatRequest({"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Kolvra"}]})
        transport = LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url))
        await transport.send(request, timeout_s=30)
        LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url))  # a call leaves no callback behind
        litellm.callbacks.append(Hearing())
        await transport.send(request, timeout_s=30)
        await asyncio.sleep(0.5)  # litellm hands its events to a worker of the same loop
        assert heard == []
        await litellm.acompletion(**request.body, api_base=fake_server.url, api_key="k")
        await asyncio.sleep(0.5)

    asyncio.run(ask())
    assert heard  # the program's own calls are heard as before


@pytest.mark.usefixtures("own_lists")
def test_a_cache_that_a_program_gave_litellm_keeps_none_of_our_calls(fake_server, monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm
    from litellm.caching.caching import Cache

    monkeypatch.setattr(litellm, "cache", Cache())
    request = ChatRequest({"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Kolvra"}]})
    transport = LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url))

    async def ask() -> None:
        for _ in range(2):
            await transport.send(request, timeout_s=30)

    asyncio.run(ask())
    assert fake_server.n_requests() == 2
