"""How many tokens a request can cost at most, before it is sent and without its model's tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping

from epm.errors import ConfigError
from epm.gateway.request import Usage

TEMPLATE_TOKENS = 300
"""What a server's chat template may add around the messages and tools that we send."""


def most_tokens(body: Mapping[str, object]) -> Usage:
    """An upper bound, flagged as estimated: a token of any byte-level vocabulary covers at least one byte of the prompt.

    Raises:
        ConfigError: the request does not bound its reply.
    """
    limit = reply_tokens(body)
    if limit is None:
        msg = f"a request to model {body.get('model')!r} sets no max_tokens, so its cost has no bound; set it, or drop the caps on money and tokens"
        raise ConfigError(msg)
    return Usage(prompt_tokens(body), limit, is_estimated=True)


def prompt_tokens(body: Mapping[str, object]) -> int:
    """The most tokens that a request's prompt can be."""
    prompt = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
    return len(prompt) + TEMPLATE_TOKENS


def reply_tokens(body: Mapping[str, object]) -> int | None:
    """The most tokens that a request asks for, of all its replies together; ``None`` where it sets no bound."""
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if not isinstance(limit, int):
        return None
    n_replies = body.get("n")
    return limit * (n_replies if isinstance(n_replies, int) else 1)
