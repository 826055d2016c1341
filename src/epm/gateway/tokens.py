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
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if not isinstance(limit, int):
        msg = f"a request to model {body.get('model')!r} sets no max_tokens, so its cost has no bound; set it, or drop the caps on money and tokens"
        raise ConfigError(msg)
    n_replies = body.get("n")
    prompt = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
    return Usage(len(prompt) + TEMPLATE_TOKENS, limit * (n_replies if isinstance(n_replies, int) else 1), is_estimated=True)
