"""Cassettes: a JSONL file of recorded replies, one cache row a line, replayed strictly.

A request is found by its body without the model name, so that ``--model replay:FILE`` answers what another model was
asked. Several recordings of one body are served in recorded order, then the last one again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

from epm.errors import ConfigError, ErrorClass, ModelError
from epm.gateway.ledger import CachedReply, cache_key, canonical_json
from epm.gateway.request import ChatReply, ChatRequest, Transport


class ReplayTransport:
    """Answers from a cassette; a request that is not on it is an error, never a call.

    Raises:
        ConfigError: the cassette cannot be read; names file and line.
    """

    name = "replay"

    def __init__(self, cassette: Path) -> None:
        self._cassette = cassette
        self._replies: dict[str, list[ChatReply]] = {}
        digest = hashlib.sha256()
        for row in _read_rows(cassette):
            self._replies.setdefault(_body_sha(ChatRequest(row.request)), []).append(row.reply)
            digest.update(row.to_json().encode("ascii"))
        self._n_served: Counter[str] = Counter()
        self.identity = f"replay {digest.hexdigest()[:16]}"

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:  # noqa: ARG002  # a recorded answer is there at once
        """The recorded reply; it costs nothing.

        Raises:
            ModelError: ``unsupported``, the request was never recorded.
        """
        sha = _body_sha(request)
        recorded = self._replies.get(sha)
        if recorded is None:
            msg = f"cassette {str(self._cassette)!r} has no reply for request {sha[:12]}: inputs or prompts changed; record it anew"
            raise ModelError(msg, ErrorClass.UNSUPPORTED)
        reply = recorded[min(self._n_served[sha], len(recorded) - 1)]
        self._n_served[sha] += 1
        return replace(reply, cost_usd=0.0)


class RecordingTransport:
    """Sends through another transport and appends each delivered reply to a cassette.

    Raises:
        ConfigError: the cassette cannot be written.
    """

    def __init__(self, inner: Transport, cassette: Path) -> None:
        self.name = inner.name
        self.identity = inner.identity
        self.answers_tasks = bool(getattr(inner, "answers_tasks", False))
        self.host = getattr(inner, "host", None)
        self._inner = inner
        self._cassette = cassette
        self._append("")

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """The inner transport's reply, written to the cassette first."""
        reply = await self._inner.send(request, timeout_s=timeout_s)
        key = cache_key(self._inner, request, sample_index=0)
        self._append(CachedReply(key, self.identity, request.body, reply).to_json() + "\n")
        return reply

    def _append(self, line: str) -> None:
        try:
            self._cassette.parent.mkdir(parents=True, exist_ok=True)
            with self._cassette.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            msg = f"cannot write cassette {str(self._cassette)!r}: {error.strerror}; choose a writable file"
            raise ConfigError(msg) from error


def _body_sha(request: ChatRequest) -> str:
    asked = {name: value for name, value in request.body.items() if name != "model"}
    return hashlib.sha256(canonical_json(asked).encode("ascii")).hexdigest()


def _read_rows(cassette: Path) -> list[CachedReply]:
    try:
        lines = cassette.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read cassette {str(cassette)!r} ({error}); give a file that a recording wrote"
        raise ConfigError(msg) from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(CachedReply.from_json(line))
        except (ValueError, KeyError, TypeError) as error:
            msg = (
                f"cassette {str(cassette)!r} line {number} is no recorded reply ({type(error).__name__}: {error}); remove it or record anew"
            )
            raise ConfigError(msg) from error
    return rows
