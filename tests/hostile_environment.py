"""An environment in which every library that is known to phone out is told to, and watchers that hear whoever does.

Each variable that names an address names a trap on this machine: a socket that counts who connects. Python's own sockets are
heard by an audit hook inside the watched process too; code without Python (gRPC) is heard by the traps alone.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ON = (
    "LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_HANDLER",
    "LANGCHAIN_WANDB_TRACING", "LANGCHAIN_COMET_TRACING", "LANGSMITH_OTEL_ENABLED", "LANGSMITH_GATEWAY", "CHROMA_OTEL_ENABLED",
    "ANONYMIZED_TELEMETRY", "USE_LITELLM_PROXY", "LITELLM_PRINT_STANDARD_LOGGING_PAYLOAD", "LITELLM_DETAILED_TIMING",
    "USE_DDTRACE", "USE_OTEL_LITELLM_REQUEST_SPAN", "COMET_LOG_ASSETS", "MLFLOW_TRACKING_ENABLED",
    "LANGFUSE_DEBUG", "LITELLM_DISABLE_REDACT_SECRETS", "TRACELOOP_TRACE_CONTENT", "LITELLM_OTEL_INTEGRATION_ENABLE_EVENTS",
)  # fmt: skip
"""Switches that are set to ``true``."""
OFF = (
    "LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "LITELLM_LOCAL_BLOG_POSTS", "LANGGRAPH_STRICT_MSGPACK",
    "HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK", "OTEL_SDK_DISABLED", "HF_HUB_OFFLINE",
)  # fmt: skip
"""Switches that keep a library quiet, set to ``false``."""
ADDRESSES = (
    "LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT", "LANGSMITH_BASE_URL", "LITELLM_PROXY_API_BASE", "LITELLM_MODEL_COST_MAP_URL",
    "LITELLM_ANTHROPIC_BETA_HEADERS_URL", "LITELLM_BLOG_POSTS_URL", "LITELLM_LENS_URL", "CHROMA_OTEL_COLLECTION_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_ENDPOINT", "LANGFUSE_HOST", "LANGFUSE_BASE_URL", "HELICONE_API_BASE",
    "PHOENIX_COLLECTOR_ENDPOINT", "PHOENIX_COLLECTOR_HTTP_ENDPOINT", "ARIZE_ENDPOINT", "POSTHOG_API_URL", "POSTHOG_HOST", "DD_BASE_URL",
    "DD_TRACE_AGENT_URL", "LOGFIRE_BASE_URL", "SLACK_WEBHOOK_URL", "GENERIC_LOGGER_ENDPOINT", "CLICKHOUSE_URL", "SUPABASE_URL",
    "ATHINA_BASE_URL", "ARGILLA_BASE_URL", "OPENMETER_API_ENDPOINT", "LAGO_API_BASE", "LITERAL_API_URL", "GALILEO_BASE_URL",
    "WANDB_BASE_URL", "WANDB_HOST", "COMET_URL_OVERRIDE", "MLFLOW_TRACKING_URI", "CLEARML_API_HOST", "TRACKIO_SERVER_URL",
    "HF_ENDPOINT", "HF_INFERENCE_ENDPOINT", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_CHATGPT_API_BASE", "ANTHROPIC_BASE_URL",
    "AZURE_API_BASE", "TRACELOOP_BASE_URL", "CHROMA_API_IMPL_HOST", "LITELLM_API_BASE",
)  # fmt: skip
"""Addresses: each becomes that of a trap."""
TEXTS = {
    "LANGSMITH_API_KEY": "lsv2_pt_0123456789", "LANGCHAIN_API_KEY": "lsv2_pt_0123456789", "LANGSMITH_PROJECT": "listings",
    "CHROMA_OTEL_GRANULARITY": "all", "CHROMA_OTEL_SERVICE_NAME": "chromadb", "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_INSECURE": "true", "OTEL_EXPORTER": "otlp_grpc",
    "LITELLM_LOG": "DEBUG", "OPENAI_LOG": "debug", "HTTPX_LOG_LEVEL": "trace", "LANGCHAIN_LOG": "DEBUG", "LITELLM_MODE": "DEV",
    "LITELLM_CALLBACKS": "langfuse,otel", "LITELLM_LICENSE": "licence", "LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-1",
    "HELICONE_API_KEY": "sk-helicone", "WANDB_API_KEY": "0" * 40, "WANDB_MODE": "online", "WANDB_PROJECT": "p", "COMET_API_KEY": "c" * 25,
    "COMET_MODE": "online", "MLFLOW_EXPERIMENT_NAME": "e", "TRACKIO_SPACE_ID": "a/b", "NEPTUNE_API_TOKEN": "n", "POSTHOG_API_KEY": "phc_1",
    "DD_API_KEY": "d", "DD_TRACE_ENABLED": "true", "SENTRY_TRACES_SAMPLE_RATE": "1.0", "LOGFIRE_TOKEN": "l",
    "HF_TOKEN": "hf_0123456789", "OPENAI_ORGANIZATION": "org-1", "OPENAI_PROJECT": "proj-1", "CHROMA_PRODUCT_TELEMETRY_IMPL": "x.y",
    "CHROMA_TELEMETRY_IMPL": "x.y", "CHROMA_API_IMPL": "chromadb.api.fastapi.FastAPI", "CHROMA_SERVER_HOST": "127.0.0.1",
    "IS_PERSISTENT": "false", "ALLOW_RESET": "true",
}  # fmt: skip
_PRELUDE = """
import json, os, sys
_heard = open(os.environ.pop("HEARD_FILE"), "a", buffering=1)
def _hear(event, args):
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        place = [str(args[0]), args[1] if event == "socket.getaddrinfo" else None]
    elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        place = [str(args[1][0]), args[1][1]] if isinstance(args[1], tuple) else [str(args[1]), None]
    else:
        return
    _heard.write(json.dumps([event, *place]) + "\\n")
sys.addaudithook(_hear)
from epm.cli.app import main
main()
"""


@dataclass
class Traps:
    """Sockets on this machine that answer nobody and remember who connected, by the variable that named them."""

    reached: list[str] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    _open: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        for name in ADDRESSES:
            self.add(name)
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            one.close()

    def add(self, name: str) -> None:
        """One more trap."""
        trap = socket.create_server(("127.0.0.1", 0))
        self._open.append(trap)
        self.ports[name] = trap.getsockname()[1]
        threading.Thread(target=self._listen, args=(name, trap), daemon=True).start()

    def _listen(self, name: str, trap: socket.socket) -> None:
        while True:
            try:
                came, _ = trap.accept()
            except OSError:
                return
            self.reached.append(name)
            came.close()

    def url(self, name: str) -> str:
        """The address of a trap."""
        return f"http://127.0.0.1:{self.ports[name]}"


@dataclass(frozen=True)
class Watched:
    """What a command said and which places it reached: ``host:port`` of each name looked up and each connection."""

    returncode: int
    stdout: str
    stderr: str
    places: frozenset[str]


def hostile(traps: Traps) -> dict[str, str]:
    """Every variable, with a value that makes its library phone out if it listens to it."""
    return {
        **dict.fromkeys(ON, "true"), **dict.fromkeys(OFF, "false"), **{name: traps.url(name) for name in ADDRESSES},
        "SENTRY_DSN": traps.url("POSTHOG_HOST").replace("http://", "http://key@") + "/1",
        "LANGSMITH_RUNS_ENDPOINTS": json.dumps({traps.url("LANGSMITH_BASE_URL"): "lsv2_pt_0123456789"}), **TEXTS,
    }  # fmt: skip


def watch(folder: Path, arguments: Sequence[object], environment: dict[str, str], *, timeout_s: int = 240) -> Watched:
    """Run a command in a folder under an environment, and hear every socket of its Python code."""
    heard = folder / "heard.jsonl"
    heard.unlink(missing_ok=True)
    (folder / "run_watched.py").write_text(_PRELUDE)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "OMP_NUM_THREADS") if name in os.environ}
    env = {**kept, "PYTHONPATH": ":".join(path for path in sys.path if path), **environment, "HEARD_FILE": str(heard)}
    command = [sys.executable, str(folder / "run_watched.py"), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=timeout_s, check=False)
    return Watched(done.returncode, done.stdout, done.stderr, frozenset(_places(heard)))


def _places(heard: Path) -> Iterator[str]:
    for line in heard.read_text().splitlines():
        _, host, port = json.loads(line)
        yield host if port is None else f"{host}:{port}"


@contextmanager
def dotenv(folder: Path, values: dict[str, str]) -> Iterator[None]:
    """A ``.env`` in the folder that says the same."""
    path = folder / ".env"
    path.write_text("".join(f"{name}={value!r}\n" for name, value in values.items()))
    try:
        yield
    finally:
        path.unlink()
