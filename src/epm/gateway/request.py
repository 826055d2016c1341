"""What travels through the gateway: requests, replies, usage, and who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from epm.config import DEFAULT_ITEM_TIMEOUT_S, DEFAULT_REPLY_TOKENS, DEFAULT_TIMEOUT_S
from epm.errors import ConfigError
from epm.gateway.misplaced import refuse_misplaced_keys

REPLAY_PREFIX = "replay:"
PROFILE_MARK = "@"
"""How a name begins that stands for a profile of ``epm.toml``; no vendor's name begins so in litellm."""


class TaskKind(StrEnum):
    """The typed tasks that the ``rules`` transport can answer honestly."""

    EXTRACT = "extract"
    ASK = "ask"
    SUFFICIENT = "sufficient"
    RESEARCH = "research"
    DECIDE = "decide"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Task:
    """The typed meaning of a request, beside its prompt text: kind and JSON payload."""

    kind: TaskKind
    payload: Mapping[str, object]


class StructuredMode(StrEnum):
    """How a model is asked for JSON: by a schema in the request, or by the schema in the prompt and a code block in the reply."""

    JSON_SCHEMA = "json-schema"
    MD_JSON = "md-json"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model to ask and how. ``name`` is ``rules``, ``replay:FILE`` or a litellm name; ``api_key_env`` names the secret.

    Prices are USD for a million tokens; ``base_model`` names a model whose listed price holds (deployments, fine-tunes).
    ``structured`` other than a schema is for servers that do not know ``response_format``: ``epm doctor`` tells. ``timeout_s``
    bounds one attempt, ``max_tokens`` one reply, ``item_timeout_s`` all attempts, waits and repairs of one item; ``rpm`` and ``tpm`` cap a minute.
    ``api_version`` is of an Azure deployment, ``azure_ad_token_env`` names the variable of an Entra token in place of a key.
    ``replay`` is a cassette that answers in the model's place with what this model said: who answers stays ``name``.
    ``reasoning_effort`` is how hard a model that thinks unseen is to think (``low``, ``high`` …); such models take no temperature.
    ``sample`` numbers independent replies to the same question: what was kept of another sample does not answer for this one.
    """

    name: str
    api_base: str | None = None
    api_key_env: str | None = None
    temperature: float = 0.0
    max_tokens: int = DEFAULT_REPLY_TOKENS
    timeout_s: float = DEFAULT_TIMEOUT_S
    price_in_usd: float | None = None
    price_out_usd: float | None = None
    structured: StructuredMode = StructuredMode.JSON_SCHEMA
    base_model: str | None = None
    item_timeout_s: float = DEFAULT_ITEM_TIMEOUT_S
    rpm: int | None = None
    tpm: int | None = None
    api_version: str | None = None
    azure_ad_token_env: str | None = None
    replay: str | None = None
    sample: int = 0
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        """Raises ``ConfigError`` where a setting looks like a key, for settings are shown and kept, or the name is a profile's."""
        refuse_misplaced_keys(
            {
                "name": None if self.name.startswith(REPLAY_PREFIX) else self.name,
                "base_model": self.base_model,
                "api_base": self.api_base,
                "api_key_env": self.api_key_env,
                "azure_ad_token_env": self.azure_ad_token_env,
                "api_version": self.api_version,
                "reasoning_effort": self.reasoning_effort,
            }
        )
        if self.name.startswith(PROFILE_MARK):
            raise ConfigError(
                f"{self.name!r} is the name of a profile: give it to --model, or to a row's model, and nowhere else; here goes the model itself"
            )

    @property
    def asked(self) -> str:
        """Who is asked, and how hard it is to think: what answers differ by, as it is kept beside them."""
        return self.name if self.reasoning_effort is None else f"{self.name}, effort {self.reasoning_effort}"

    @property
    def cassette(self) -> str | None:
        """The recording that answers, so that nothing is sent and nothing costs; ``None`` where a model or the rules do."""
        if self.replay is not None:
            return self.replay
        return self.name.removeprefix(REPLAY_PREFIX) if self.name.startswith(REPLAY_PREFIX) else None


@dataclass(frozen=True, slots=True)
class CallScope:
    """Who asks: bookkeeping for the ledger. ``sample_index`` is part of the cache key, the rest is not."""

    run_id: str | None
    item_id: str | None
    role: str
    prompt_id: str | None = None
    prompt_sha: str | None = None
    sample_index: int = 0


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request in OpenAI chat format, with its typed task where it has one; ``sample_index`` tells repetitions apart on a cassette."""

    body: Mapping[str, object]
    task: Task | None = None
    sample_index: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one physical call, or of several; ``is_estimated`` when the server did not say.

    ``reasoning_tokens`` are those that a model thought unseen: a part of ``completion_tokens``, and paid like them.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    is_estimated: bool = False

    def plus(self, other: Usage) -> Usage:
        """Both together; estimated when one is."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens, self.reasoning_tokens + other.reasoning_tokens,
            is_estimated=self.is_estimated or other.is_estimated,
        )  # fmt: skip

    def minus(self, other: Usage) -> Usage:
        """What came on top of an earlier reading."""
        return Usage(
            self.prompt_tokens - other.prompt_tokens, self.completion_tokens - other.completion_tokens,
            self.cached_tokens - other.cached_tokens, self.reasoning_tokens - other.reasoning_tokens, is_estimated=self.is_estimated,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A reply in OpenAI chat-completion format with what it took; ``cost_usd`` is ``None`` when the price is unknown."""

    body: Mapping[str, object]
    usage: Usage
    model: str
    latency_s: float
    cost_usd: float | None
    is_cached: bool = False


class Transport(Protocol):
    """Sends one request once. ``identity`` is part of the cache key: it changes when the same body would be answered otherwise."""

    name: str
    identity: str

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """The reply.

        Raises:
            ModelError: with its error class; the gateway alone decides about retries.
        """
        ...
