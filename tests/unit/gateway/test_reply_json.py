"""What is read out of a reply, and what is left to a repair."""

from __future__ import annotations

import json

import pytest

from epm.gateway.reply_json import only_json


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '\ufeff{"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```',
        'Here it is:\n```json\n{"a": 1}\n```\nI hope this helps.',
        'Sure. {"a": 1} That is all.',
        'Draft {"a": 1} and again:\n```json\n{"a":1}\n```',
    ],
)
def test_the_only_object_is_read(text: str) -> None:
    assert json.loads(only_json(text)) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1} or {"a": 2}',
        '```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```',
        '```json\n{"a": 1}\n```\nor rather {"a": 2}',
        '{"a": {"b": 1}, "c": ',
        'no {"a": 1,}',
        "I cannot help with that.",
        "[1, 2]",
    ],
)
def test_a_doubtful_reply_stays_as_it_is(text: str) -> None:
    assert only_json(text) == text


def test_a_reply_of_braces_alone_is_given_up() -> None:
    text = "{" * 200_000
    assert only_json(text) == text
