"""Cutting keys out of text that a server wrote: some echo the key that they refuse."""

from __future__ import annotations

import os
import re

_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk|key|pk)-[\w-]{4,}|Bearer \S+")
_HOLDS_A_SECRET = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_LEAST_CHARS = 8
"""A shorter value is no key, and cutting it out would cut words."""
_CUT = "***"


def without_secrets(text: str, key: str | None) -> str:
    """The text without the key of the call, without any key of the environment, and without what looks like one.

    Vendors' libraries take keys from the environment by themselves, so the key of a call is not always known.
    """
    named = {value for name, value in os.environ.items() if _HOLDS_A_SECRET.search(name) and len(value) >= _LEAST_CHARS}
    for secret in sorted(named | ({key} if key else set()), key=len, reverse=True):
        text = text.replace(secret, _CUT)
    return _LOOKS_LIKE_A_KEY.sub(_CUT, text)
