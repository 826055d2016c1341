"""Schemas as strict vendors take them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from epm.agents.baseline_schemas import AttributeReply, LabelReply, ReasonedReply, SelectReply
from epm.agents.schemas import AskReply, DecideReply, ExtractReply, SufficientReply, VerifyReply
from epm.gateway.reply_schema import strict_schema
from epm.judges.schemas import JudgeReply

REPLIES = [
    AskReply,
    AttributeReply,
    DecideReply,
    ExtractReply,
    JudgeReply,
    LabelReply,
    ReasonedReply,
    SelectReply,
    SufficientReply,
    VerifyReply,
]
TAKEN = {"type", "enum", "const", "$ref", "anyOf", "items", "properties", "required", "additionalProperties"}


def parts(schema: dict[str, object]) -> Iterator[dict[str, object]]:
    yield schema
    inner = [*dict(schema.get("properties", {})).values(), *dict(schema.get("$defs", {})).values(), *list(schema.get("anyOf", []))]  # type: ignore[call-overload]
    if "items" in schema:
        inner.append(schema["items"])
    for part in inner:
        yield from parts(part)


@pytest.mark.parametrize("reply", REPLIES)
def test_every_object_is_closed_and_every_field_required_in_its_order(reply: type[BaseModel]) -> None:
    schema = strict_schema(reply.model_json_schema())
    assert list(schema["properties"]) == list(reply.model_fields)  # type: ignore[call-overload]
    for part in parts(schema):
        assert set(part) <= TAKEN | {"title", "$defs"}
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"])  # type: ignore[call-overload]
            assert part["additionalProperties"] is False


@pytest.mark.parametrize("reply", REPLIES)
def test_no_docstring_and_no_bound_is_sent(reply: type[BaseModel]) -> None:
    text = json.dumps(strict_schema(reply.model_json_schema()))
    assert not [word for word in ("description", "maxLength", "minLength", "minimum", "default") if f'"{word}"' in text]
