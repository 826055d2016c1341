"""What our libraries may take from the environment: nothing that sends, traces, reports or prints what they see.

``docs/gateway.md``, section Privacy, has the same list as a table. Two steps, because a program that imports ``epm`` may use
the same libraries for itself:

- ``quiet_libraries`` runs when ``epm`` is imported. It forces what only concerns our use of a library.
- ``own_environment`` runs in the ``epm`` program, whose process is ours alone. It takes away every variable that could open
  another way out, and keeps LangSmith's address and key for ``--trace-langsmith``.

Tracing of graphs and the settings of chromadb are shut in code as well (``graph_call.py``, ``knowledge/chroma.py``).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from epm.errors import ConfigError

FORCED = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else litellm fetches its price map from the network at import
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # else it fetches a list of headers
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else it reads a .env file by itself, past the rules of this module
    "LITELLM_LOG": "ERROR",  # DEBUG prints prompts
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "LANGGRAPH_STRICT_MSGPACK": "true",
}
"""Set whatever the user's environment says."""

FORCED_IN_PROGRAM = {"OTEL_SDK_DISABLED": "true"}
"""Set in the ``epm`` program alone: another program may well trace itself."""

_OURS = (
    "LITELLM_",
    "USE_LITELLM_PROXY",  # sends every call to another address
    "OPENAI_LOG",  # prints prompts
    "OPENAI_CHATGPT_API_BASE",
)
"""Taken away at import: by these litellm and the openai client would send or print our calls elsewhere."""

_WAYS_OUT = (
    # Tracing and reporting of what models are asked.
    "LANGSMITH_", "LANGCHAIN_", "LANGFUSE_", "LANGTRACE_", "LOGFIRE_", "OTEL_", "USE_OTEL_", "DEBUG_OTEL", "TRACELOOP_",
    "OPENINFERENCE_", "PHOENIX_", "ARIZE_", "HELICONE_", "ARGILLA_", "ATHINA_", "BRAINTRUST_", "GALILEO_", "HUMANLOOP_", "LITERAL_",
    "LUNARY_", "OPIK_", "PROMPTLAYER_", "AGENTOPS_", "WEAVE_", "OPENMETER_", "LAGO_", "GENERIC_LOGGER_", "GREENSCALE_",
    # Telemetry, errors and metrics.
    "CHROMA_", "POSTHOG_", "SENTRY_", "DD_", "USE_DDTRACE", "USE_DDPROFILER", "NEW_RELIC_", "SIGNOZ_", "PROMETHEUS_", "SLACK_WEBHOOK_URL",
    "ALERTING_WEBHOOK_URL", "WEBHOOK_URL",
    # Reporting of training.
    "WANDB_", "COMET_", "MLFLOW_", "TRACKIO_", "NEPTUNE_", "CLEARML_", "AIM_", "SWANLAB_", "DVCLIVE_", "CODECARBON_", "TENSORBOARD_",
    # Logs that hold what was sent, and the keys of its encryption.
    "HTTPX_LOG_LEVEL", "SSLKEYLOGFILE", "GRPC_TRACE", "HF_DEBUG",
)  # fmt: skip
"""Beginnings of names taken away in the ``epm`` program: of packages that are installed, and of those that would join them."""

_KEPT = frozenset({"LITELLM_PROXY_API_BASE", "LITELLM_PROXY_API_KEY"})
"""For models named ``litellm_proxy/NAME``, whose address and key these are; they move no other model's calls."""

_taken_away: dict[str, str] = {}


def quiet_libraries() -> None:
    """Every library's own network access and printing of prompts is off, whatever the environment says."""
    _take_away(_OURS)
    os.environ.update(FORCED)


def own_environment() -> None:
    """The environment of the ``epm`` program holds no variable by which a library would send, trace or report anything."""
    _take_away((*_OURS, *_WAYS_OUT))
    os.environ.update(FORCED | FORCED_IN_PROGRAM)


def taken_away(*names: str) -> str | None:
    """The value that one of these variables has or had, the first that is set; ``None`` for none."""
    values = (_taken_away.get(name) or os.environ.get(name) for name in names)
    return next((value for value in values if value), None)


def read_dotenv() -> None:
    """Keys and addresses out of the nearest ``.env``, of the current folder or one above it; what is set already stays.

    litellm would read such a file itself, and with it all that this module takes away.

    Raises:
        ConfigError: the file cannot be read.
    """
    from dotenv import dotenv_values, find_dotenv

    path = find_dotenv(usecwd=True)
    if not path or not Path(path).is_file():
        return
    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path!r}: {error}; mend it or move it away") from error
    for name, value in values.items():
        if value and not _is_shut(name, (*_OURS, *_WAYS_OUT)) and name not in FORCED:
            os.environ.setdefault(name, value)


def _take_away(beginnings: tuple[str, ...]) -> None:
    for name in [name for name in os.environ if _is_shut(name, beginnings)]:
        if os.environ[name] != FORCED.get(name):
            _taken_away.setdefault(name, os.environ[name])
        del os.environ[name]


def _is_shut(name: str, beginnings: tuple[str, ...]) -> bool:
    return name.upper().startswith(beginnings) and name not in _KEPT


def require_docstrings(library: str) -> None:
    """Nothing, unless Python was told to strip docstrings: some libraries read their own, and end in the middle of an import without.

    Raises:
        ConfigError: Python runs with ``-OO``.
    """
    if sys.flags.optimize > 1:
        raise ConfigError(f"python -OO strips the docstrings that {library} needs: run without -OO")
