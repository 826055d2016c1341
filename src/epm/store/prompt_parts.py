"""The readable parts of a kept request and reply: messages, what was retrieved, what was answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

_RETRIEVED = re.compile(r'<data name="(rivals|answers)">\n(.*?)\n</data>', re.DOTALL)
_NOTHING = "[]"


def messages_of(request: Mapping[str, object]) -> list[tuple[str, str]]:
    """Role and text of each message; tool calls stand as JSON."""
    listed = request.get("messages")
    found = [message for message in listed if isinstance(message, Mapping)] if isinstance(listed, Sequence) else []
    return [(str(message.get("role")), _text_of(message)) for message in found]


def retrieved_of(request: Mapping[str, object]) -> list[tuple[str, str]]:
    """What was found and shown to the model, with its kind: rivals and answers in the prompt, results of tools."""
    found: list[tuple[str, str]] = []
    for role, text in messages_of(request):
        if role == "tool":
            found.append(("tool result", text))
        found += [(name, value) for name, value in _RETRIEVED.findall(text) if value.strip() != _NOTHING]
    return found


def reply_of(body: Mapping[str, object]) -> str:
    """The text of a reply, or the tool calls that it asks for as JSON."""
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, Sequence) and choices else {}
    message = first.get("message") if isinstance(first, Mapping) else None
    return (_text_of(message) or str(message.get("refusal") or "")) if isinstance(message, Mapping) else ""


def _text_of(message: Mapping[str, object]) -> str:
    content, called = message.get("content"), message.get("tool_calls")
    parts = [] if content is None else [content if isinstance(content, str) else json.dumps(content)]
    return "\n".join([*parts, *([json.dumps(called)] if called else [])])
