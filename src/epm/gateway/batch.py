"""Calls that go out together as one batch: half the price, an answer within a day. What is sent, and what comes back.

A batch's line is one call: its key is the cache's, it ends as one row of the ledger, and a sound reply is kept as any other is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from epm.errors import ConfigError, ErrorClass, ModelError
from epm.gateway.bounds import Spent
from epm.gateway.ledger import CallLog, cache_key
from epm.gateway.request import CallScope, ChatRequest, ModelSettings, Transport

_VENDORS = ("openai", "azure")
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_MESSAGE_CHARS = 300
_OK, _PAYMENT_REQUIRED, _REQUEST_TIMEOUT, _TOO_MANY, _SERVER_ERROR = 200, 402, 408, 429, 500
_SHUT_OUT = frozenset({401, 403})
_CLASS_OF_CODE = {
    "batch_expired": ErrorClass.TIMEOUT,
    "request_timeout": ErrorClass.TIMEOUT,
    "batch_cancelled": ErrorClass.CANCELLED,
    "content_filter": ErrorClass.CONTENT_FILTER,
    "insufficient_quota": ErrorClass.NO_CREDIT,
    "context_length_exceeded": ErrorClass.CONTEXT_TOO_LONG,
}
_CLASS_OF_STATUS = {"expired": ErrorClass.TIMEOUT, "cancelled": ErrorClass.CANCELLED, "failed": ErrorClass.BAD_REQUEST}


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One call that goes out in a batch, and has no ledger row yet.

    ``request`` is the chat body, ``None`` when a purge blanked it; ``worst`` is what the call can take at most, ``sent`` what of
    a pair stands in its prompt.
    """

    scope: CallScope
    key: str
    model: str
    request: Mapping[str, object] | None
    sent: str
    worst: Spent


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a batch is at the vendor; ``result_files`` are there when it has ended."""

    status: str
    n_answered: int
    result_files: tuple[str, ...]
    error: str

    @property
    def is_ended(self) -> bool:
        """True when nothing more will come."""
        return self.status in _ENDED

    @property
    def is_whole(self) -> bool:
        """True when every line was worked on."""
        return self.status == "completed"

    def of_missing_line(self) -> LineFailure:
        """What became of a line that is in no file of results; one of a batch that went through may have been billed."""
        if self.is_whole:
            return LineFailure(ErrorClass.INVALID_STRUCTURE, "the batch ended, and nothing in its results is for this call", is_lost=True)
        return LineFailure(_CLASS_OF_STATUS[self.status], f"the batch {self.status} before this call was answered{self.error}")


@dataclass(frozen=True, slots=True)
class LineFailure:
    """Why a line has no reply; ``is_lost``: whether it was billed is not known."""

    error_class: ErrorClass
    message: str
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class LineResult:
    """What came back for a line: the completion as the vendor wrote it, or a failure."""

    key: str
    outcome: Mapping[str, object] | LineFailure


class CollectingGateway:
    """Keeps the first request of every question that the cache cannot answer; every call fails as ``cancelled``."""

    def __init__(self, transport: Transport, log: CallLog) -> None:
        self._transport = transport
        self._log = log
        self._requests: dict[str, tuple[ChatRequest, CallScope]] = {}

    def take(self) -> dict[str, tuple[ChatRequest, CallScope]]:
        """What was asked since the last time, by key."""
        taken, self._requests = self._requests, {}
        return taken

    async def send(self, request: ChatRequest, scope: CallScope) -> NoReturn:
        """Keep the request.

        Raises:
            ModelError: always.
            ConfigError: its model's vendor takes no batches from here.
        """
        check_vendor(str(request.body.get("model")))
        key = cache_key(self._transport, request, sample_index=scope.sample_index)
        if self._log.cached(key) is None:
            self._requests[key] = (request, scope)
        raise ModelError("the call goes out in a batch", ErrorClass.CANCELLED)


def require_batches(model: ModelSettings | None) -> ModelSettings:
    """The model, when there is one and its vendor takes batches.

    Raises:
        ConfigError: there is none, a cassette answers for it, or litellm cannot submit batches of its vendor.
    """
    if model is None:
        raise ConfigError("--batch needs a model to ask: name it with --model, such as openai/gpt-4o-mini or azure/DEPLOYMENT")
    if model.cassette is not None:
        raise ConfigError(
            f"--batch and a replay exclude each other: cassette {model.cassette!r} answers at once, and for nothing; leave --batch out"
        )
    check_vendor(model.name)
    return model


def check_vendor(model: str) -> None:
    """Nothing, when litellm submits batches of the model's vendor.

    Raises:
        ConfigError: it does not; says so.
    """
    vendor = provider_of(model)
    if vendor in _VENDORS:
        return
    reason = (
        "litellm reads batches of Anthropic but cannot submit them" if vendor == "anthropic" else f"batches of {vendor!r} were never tried"
    )
    raise ConfigError(f"--batch cannot ask {model!r}: {reason}; use a model named openai/MODEL or azure/DEPLOYMENT, or leave out --batch")


def provider_of(model: str) -> str:
    """The vendor in a litellm name; a bare name is OpenAI's."""
    vendor, slash, _ = model.partition("/")
    return vendor if slash else "replay" if model.startswith("replay:") else "rules" if model == "rules" else "openai"


def input_line(key: str, url: str, body: Mapping[str, object]) -> bytes:
    """One line of a batch's input file."""
    return json.dumps({"custom_id": key, "method": "POST", "url": url, "body": body}).encode() + b"\n"


def read_results(content: bytes) -> Iterator[LineResult]:
    """What a file of results holds; lines that are none are passed over, for their calls will be found missing."""
    for text in content.splitlines():
        try:
            row = json.loads(text)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("custom_id"), str):
            yield LineResult(row["custom_id"], _outcome(row))


def _outcome(row: Mapping[str, object]) -> Mapping[str, object] | LineFailure:
    response = row.get("response")
    response = response if isinstance(response, Mapping) else {}
    status, body = response.get("status_code"), response.get("body")
    body = body if isinstance(body, Mapping) else {}
    if status == _OK and body:
        return body
    error = row.get("error") or body.get("error")
    error = error if isinstance(error, Mapping) else {}
    message = " ".join(str(error.get("message") or f"status {status}").split())[:_MESSAGE_CHARS]
    found = _CLASS_OF_CODE.get(str(error.get("code")))
    return LineFailure(found or _class_of_http(status), f"in the batch: {message}")


def _class_of_http(status: object) -> ErrorClass:
    if not isinstance(status, int) or status == _OK:
        return ErrorClass.INVALID_STRUCTURE
    if status in _SHUT_OUT:
        return ErrorClass.AUTH
    if status == _PAYMENT_REQUIRED:
        return ErrorClass.NO_CREDIT
    if status in {_REQUEST_TIMEOUT, _TOO_MANY}:
        return ErrorClass.TIMEOUT if status == _REQUEST_TIMEOUT else ErrorClass.RATE_LIMITED
    return ErrorClass.OVERLOADED if status >= _SERVER_ERROR else ErrorClass.BAD_REQUEST
