"""Cutting keys out of text that a server wrote: some echo the key that they refuse."""

from __future__ import annotations

import os
import re

_BEGINNINGS = (
    r"sk-", r"sk_", r"rk_", r"gsk_", r"csk-", r"hf_", r"AIza", r"gh[opsur]_", r"github_pat_", r"glpat-", r"xai-", r"xox[abprs]-",
    r"nvapi-", r"lsv2_", r"phc_", r"jina_", r"AKIA", r"ASIA", r"ya29\.", r"eyJ", r"pypi-", r"hvs\.",
)  # fmt: skip
"""How vendors' keys begin, as their documentation shows them; ``eyJ`` is how every JSON web token does."""
_BEGINNINGS_OF_WORDS = (r"pk-", r"pk_", r"key-", r"pplx-", r"r8_", r"fw_", r"tgp_", r"pa-", r"dapi", r"SG\.", r"npm_")
"""Those that names begin with too ("pplx-70b-chat"): a key goes on with many letters and digits at once."""
_KNOWN = rf"(?:{'|'.join(_BEGINNINGS)})[\w.~+/=-]{{6,}}|(?:{'|'.join(_BEGINNINGS_OF_WORDS)})\w{{16,}}"
"""Six and sixteen characters more: real keys have 20 and more."""
KEY_BEGINNING = re.compile(rf"(?:Bearer\s+|api[-_]?key[=:]\s*)?(?:{_KNOWN})")
"""A text that begins as a key does."""
_LOOKS_LIKE_A_KEY = re.compile(rf"\b(?:sk|key|pk)-[\w-]{{4,}}|Bearer \S+|\b(?:{'|'.join(_BEGINNINGS)})[\w.-]{{16,}}")
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@'\"]+@")
_KEY_IN_ADDRESS = re.compile(r"(?<=[?&])((?:[\w.-]*[_.-])?(?:key|token|secret|sig|password))=[^&\s'\"]+", re.IGNORECASE)
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
    text = _KEY_IN_ADDRESS.sub(rf"\1={_CUT}", _USER_IN_ADDRESS.sub(f"{_CUT}@", text))
    return _LOOKS_LIKE_A_KEY.sub(_CUT, text)
