"""Chat-completion bodies: building them, and telling a usable reply from one that only looks like it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from epm.errors import ErrorClass
from epm.gateway.request import ChatRequest, Usage
from epm.gateway.tokens import prompt_tokens, reply_tokens

_CHARS_PER_TOKEN = 4
_OVERBILLED = 2
"""What a server may honestly count beyond the reply tokens that were asked for: some count what was thought unseen apart."""
_VENDORS_TOKENS = 4_000
"""What vendors may honestly put before a prompt of ours: descriptions of tools and of themselves."""
_SAID_CHARS = 40
_ZERO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def completion_body(model: str, message: Mapping[str, object], *, finish_reason: str = "stop") -> dict[str, object]:
    """A chat completion with one choice and no token usage."""
    return {
        "id": f"chatcmpl-{model}", "object": "chat.completion", "created": 0, "model": model,
        "choices": [{"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **message}}],
        "usage": dict(_ZERO_USAGE),
    }  # fmt: skip


def fault_of(body: Mapping[str, object]) -> tuple[ErrorClass, str] | None:
    """Why a delivered reply cannot be used, or ``None`` when it can."""
    choices = body.get("choices")
    if not isinstance(choices, Sequence) or not choices or not isinstance(choices[0], Mapping):
        return ErrorClass.INVALID_STRUCTURE, "the reply has no choices"
    finish_reason = choices[0].get("finish_reason")
    message = choices[0].get("message")
    if not isinstance(message, Mapping):
        return ErrorClass.INVALID_STRUCTURE, "the reply's first choice has no message"
    if finish_reason == "content_filter":
        return ErrorClass.CONTENT_FILTER, "the provider's content filter stopped the reply"
    if message.get("refusal"):
        return ErrorClass.REFUSAL, f"the model refused: {str(message['refusal'])[:200]!r}"
    if finish_reason == "length":
        return (
            ErrorClass.TRUNCATED,
            "the reply was cut off at its token limit: take a model that writes less before its answer, or raise --reply-tokens (--max-tokens is the cap of a run)",
        )
    return None


def usage_of(body: Mapping[str, object], request: ChatRequest) -> Usage:
    """The reply's own token counts, or an estimate (``is_estimated``) from the number of characters."""
    usage = body.get("usage")
    prompt, completion = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    if prompt + completion == 0 or impossible_count(body, request) is not None:
        return estimated_usage(request, body)
    return Usage(
        prompt, completion,
        cached_tokens=min(prompt, _count(_part(usage, "prompt_tokens_details"), "cached_tokens")),
        reasoning_tokens=min(completion, _count(_part(usage, "completion_tokens_details"), "reasoning_tokens")),
    )  # fmt: skip


def impossible_count(body: Mapping[str, object], request: ChatRequest) -> str | None:
    """A token count that cannot be, as ``name=value``: no whole number from zero, or more than the prompt or the reply can hold."""
    usage, limit = body.get("usage"), reply_tokens(request.body)
    most = {
        "prompt_tokens": prompt_tokens(request.body) + _VENDORS_TOKENS,
        "completion_tokens": None if limit is None else limit * _OVERBILLED,
    }
    for name, bound in most.items():
        value = _part(usage, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 0 or (bound is not None and value > bound):
            return f"{name}={str(value)[:_SAID_CHARS]}"
    return None


def estimated_usage(request: ChatRequest, body: Mapping[str, object]) -> Usage:
    """Token counts guessed at four characters a token."""
    prompt_chars = len(json.dumps(request.body.get("messages"), default=str))
    completion_chars = len(json.dumps(body.get("choices"), default=str))
    return Usage(prompt_chars // _CHARS_PER_TOKEN, completion_chars // _CHARS_PER_TOKEN, is_estimated=True)


def _part(usage: object, name: str) -> object:
    return usage.get(name) if isinstance(usage, Mapping) else None


def _count(usage: object, name: str) -> int:
    value = _part(usage, name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def plain_body(dumped: Mapping[str, object]) -> dict[str, object]:
    """A completion without what vendors and litellm add to it."""
    choices = dumped.get("choices")
    plain = [_plain_choice(choice) for choice in choices] if isinstance(choices, list) else []
    return {name: dumped.get(name) for name in ("id", "object", "created", "model", "usage")} | {"choices": plain}


def _plain_choice(choice: Mapping[str, object]) -> dict[str, object]:
    dumped = choice.get("message")
    message = dict(dumped) if isinstance(dumped, Mapping) else {}
    vendor = message.pop("provider_specific_fields", None)
    refusal = vendor.get("refusal") if isinstance(vendor, Mapping) else None
    kept = {name: value for name, value in message.items() if value is not None} | ({"refusal": refusal} if refusal else {})
    if isinstance(kept.get("content"), str):  # half a surrogate pair could not be sent back for repair, nor kept
        kept["content"] = kept["content"].encode("utf-8", "backslashreplace").decode("utf-8")
    return {"index": choice.get("index"), "finish_reason": choice.get("finish_reason"), "message": {"content": None, **kept}}
