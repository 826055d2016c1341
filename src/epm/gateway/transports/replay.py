"""The ``replay`` transport: a cassette answers, strictly, for nothing.

    epm teach pairs.jsonl --model openai/gpt-4o-mini --record calls.jsonl     # on the machine with the key
    epm teach pairs.jsonl --model openai/gpt-4o-mini --replay calls.jsonl     # anywhere, any number of times: the same run

``--replay FILE`` stands in for the model that is named, so a request must be on the cassette under that name: what a run
says of its model stays true. ``--model replay:FILE`` names no model and takes the reply of any.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from epm.errors import ErrorClass, ModelError
from epm.gateway.cassette import read_cassette
from epm.gateway.ledger import CachedReply, content_key
from epm.gateway.request import ChatReply, ChatRequest


class ReplayTransport:
    """Answers from a cassette, by the key under which a reply was kept; a request that is not on it is an error, never a call.

    Raises:
        ConfigError: the cassette cannot be read; names file and line.
    """

    name = "replay"
    answers_tasks = True
    """As the rules do, whose replies may be on it: two tasks with one body are two requests."""

    def __init__(self, cassette: Path, *, is_of_any_model: bool = True) -> None:
        self._cassette = cassette
        self._is_of_any_model = is_of_any_model
        self._identities: dict[str, None] = {}  # in the order of recording: the first that has a reply answers
        self._models: dict[str, None] = {}
        self._digest = hashlib.sha256()
        self._replies = read_cassette(cassette, self._take)
        self.identity = f"replay {self._digest.hexdigest()[:16]}"

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:  # noqa: ARG002  # a recorded answer is there at once
        """The recorded reply; it costs nothing.

        Raises:
            ModelError: ``unsupported``, the request was never recorded, or of no usable reply.
        """
        found = next((self._replies[key] for key in self._keys(request) if key in self._replies), None)
        if found is None:
            raise ModelError(self._absence(request), ErrorClass.UNSUPPORTED)
        return replace(found, cost_usd=0.0)

    def _take(self, row: CachedReply) -> ChatReply:
        self._identities[row.identity] = None
        self._models[str(row.request.get("model"))] = None
        self._digest.update(row.to_json().encode("ascii"))
        return row.reply

    def _keys(self, request: ChatRequest) -> Iterator[str]:
        tasks = (None,) if request.task is None else (None, request.task)
        for body in self._bodies(request):
            for identity in self._identities:
                for task in tasks:
                    yield content_key(identity, body, task, sample_index=request.sample_index)

    def _bodies(self, request: ChatRequest) -> Iterator[Mapping[str, object]]:
        if not self._is_of_any_model:
            yield request.body
            return
        for model in self._models:
            yield {**request.body, "model": model}

    def _absence(self, request: ChatRequest) -> str:
        asked = content_key("", request.body, None, sample_index=request.sample_index)[:12]
        of_model = "" if self._is_of_any_model else f" of model {request.body.get('model')!r}"
        held = ", ".join(map(repr, self._models)) or "no model"
        return (
            f"cassette {str(self._cassette)!r} has no reply{of_model} for request {asked} (it holds replies of {held}): its call failed when it was "
            "recorded, or inputs, prompts or settings changed; record it anew"
        )
