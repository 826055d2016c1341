"""The ``rules`` transport: the evidence engine answers typed tasks, deterministically, offline and free.

It refuses a request without a task: an engine that pretended to read free prompts would be a second model in disguise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from epm.errors import ErrorClass, ModelError
from epm.gateway.completion import completion_body
from epm.gateway.request import ChatReply, ChatRequest, Task, TaskKind, Usage

_FREE = Usage(0, 0)


class RulesTransport:
    """Answers ``request.task`` through ``epm.evidence.tasks.answer``; a tool call it asks for comes back as one."""

    name = "rules"
    answers_tasks = True

    def __init__(self) -> None:
        from epm.evidence.engine import ENGINE_VERSION

        self.identity = f"rules {ENGINE_VERSION}"

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:  # noqa: ARG002  # the engine answers at once
        """The engine's answer as a chat completion whose content is JSON.

        Raises:
            ModelError: ``unsupported`` when the request has no typed task.
        """
        from epm.evidence.tasks import answer

        if request.task is None:
            msg = "model 'rules' cannot answer free prompts, only typed tasks; name a real model with --model (and --api-base for a local server)"
            raise ModelError(msg, ErrorClass.UNSUPPORTED)
        start = time.perf_counter()
        answered = answer(request.task.kind.value, _payload(request.task, request.body))
        body = completion_body(self.name, _message(answered, request), finish_reason="tool_calls" if "tool_call" in answered else "stop")
        return ChatReply(body, _FREE, self.identity, time.perf_counter() - start, cost_usd=0.0)


def tool_results(body: Mapping[str, object]) -> list[dict[str, object]]:
    """What the tools answered so far, in order: name, arguments and content of each."""
    called: dict[object, tuple[object, object]] = {}
    results: list[dict[str, object]] = []
    for message in _mappings(body.get("messages")):
        for call in _mappings(message.get("tool_calls")):
            function = call.get("function")
            if isinstance(function, Mapping):
                called[call.get("id")] = (function.get("name"), json.loads(str(function.get("arguments") or "{}")))
        if message.get("role") == "tool":
            name, arguments = called.get(message.get("tool_call_id"), (message.get("name"), {}))
            results.append({"name": name, "arguments": arguments, "content": message.get("content")})
    return results


def _payload(task: Task, body: Mapping[str, object]) -> Mapping[str, object]:
    return {**task.payload, "tool_results": tool_results(body)} if task.kind is TaskKind.RESEARCH else task.payload


def _message(answered: Mapping[str, object], request: ChatRequest) -> dict[str, object]:
    wanted = answered.get("tool_call")
    if not isinstance(wanted, Mapping):
        return {"content": json.dumps(answered)}
    function = {"name": wanted["name"], "arguments": json.dumps(wanted.get("arguments", {}))}
    call_id = f"call_{len(tool_results(request.body)) + 1}"
    return {"content": None, "tool_calls": [{"id": call_id, "type": "function", "function": function}]}


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) and not isinstance(value, str) else []
