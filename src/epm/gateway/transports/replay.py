"""The ``replay`` transport: a cassette answers, strictly, for nothing.

    epm teach pairs.jsonl --model openai/gpt-4o-mini --record calls.jsonl     # on the machine with the key
    epm teach pairs.jsonl --model openai/gpt-4o-mini --replay calls.jsonl     # anywhere, any number of times: the same run

``--replay FILE`` stands in for the model that is named, so a request must be on the cassette under that name: what a run
says of its model stays true. ``--model replay:FILE`` names no model and takes the reply of any.

What failed when it was recorded fails again, in the same order: a request that was refused twice and then answered is so again.
Where a recording ends with a failure, the failure stands, however often it is asked. Where a later command asked again, what failed
before it is left out: one replay comes to what all the recorded commands came to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from epm.errors import ErrorClass, ModelError
from epm.gateway.backoff import MAX_ATTEMPTS
from epm.gateway.cassette import FailedCall, Recorded, read_cassette
from epm.gateway.completion import fault_of
from epm.gateway.deadline import ItemTimeoutError
from epm.gateway.ledger import CachedReply, cache_key, content_key
from epm.gateway.request import ChatReply, ChatRequest


@dataclass(frozen=True, slots=True)
class _Failure:
    error_class: ErrorClass
    message: str
    attempt: int

    def as_error(self, *, is_last: bool) -> ModelError:
        """The failure as it was; where the recorded command did not try again, its item's time was spent."""
        if is_last and self.error_class.is_retryable and self.attempt < MAX_ATTEMPTS:
            return _OutOfTimeError(self.message)
        return ModelError(self.message, self.error_class)


class _OutOfTimeError(ItemTimeoutError):
    def __init__(self, message: str) -> None:
        ModelError.__init__(self, message, ErrorClass.TIMEOUT)


_Outcome = ChatReply | _Failure


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
        self._outcomes = {key: _standing(recorded) for key, recorded in read_cassette(cassette, self._take).items()}
        self._n_given: dict[str, int] = {}
        self.identity = f"replay {self._digest.hexdigest()[:16]}"

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:  # noqa: ARG002  # a recorded answer is there at once
        """The recorded reply; it costs nothing.

        Raises:
            ModelError: as recorded; ``unsupported``, the request was never recorded.
        """
        outcomes = next((self._outcomes[key] for key in self._keys(request) if key in self._outcomes), None)
        if outcomes is None:
            self._refuse_strictness(request)
            raise ModelError(self._absence(request), ErrorClass.UNSUPPORTED)
        key = cache_key(self, request, sample_index=request.sample_index)
        at = self._n_given.get(key, 0)
        self._n_given[key] = at + 1
        outcome, is_last = outcomes[min(at, len(outcomes) - 1)], at >= len(outcomes) - 1
        if isinstance(outcome, _Failure):
            raise outcome.as_error(is_last=is_last)
        return replace(outcome, cost_usd=0.0)

    def _refuse_strictness(self, request: ChatRequest) -> None:
        """Refuse a strict schema as the recorded server did, where the same question was answered without one."""
        asked = request.body.get("response_format")
        described = asked.get("json_schema") if isinstance(asked, Mapping) else None
        if not isinstance(asked, Mapping) or not isinstance(described, Mapping) or "strict" not in described:
            return
        plain = {**asked, "json_schema": {name: value for name, value in described.items() if name != "strict"}}
        if any(key in self._outcomes for key in self._keys(replace(request, body={**request.body, "response_format": plain}))):
            msg = f"cassette {str(self._cassette)!r} was recorded of a server that takes no strict schema"
            raise ModelError(msg, ErrorClass.UNSUPPORTED)

    def _take(self, call: CachedReply | FailedCall) -> _Outcome:
        self._digest.update(call.to_json().encode("ascii"))
        self._identities[call.identity] = None
        row = call.row if isinstance(call, FailedCall) else call
        self._models[call.model if isinstance(call, FailedCall) else str(call.request.get("model"))] = None
        if row is not None:
            return row.reply
        return _Failure(call.error_class, call.error, call.attempt) if isinstance(call, FailedCall) else call.reply

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
            f"cassette {str(self._cassette)!r} has no reply{of_model} for request {asked} (it holds replies of {held}): "
            "inputs, prompts or settings changed since it was recorded; record it anew"
        )


def _standing(recorded: list[Recorded[_Outcome]]) -> list[_Outcome]:
    """The outcomes in their order, without what was of no use in a command after which another asked again."""
    last_s = recorded[-1].command_s
    return [one.taken for one in recorded if one.command_s == last_s or not (one.is_refused or _is_useless(one.taken))]


def _is_useless(outcome: _Outcome) -> bool:
    return isinstance(outcome, _Failure) or fault_of(outcome.body) is not None
