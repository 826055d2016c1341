"""Keys where none belongs: in place of a variable's name, in an address, in a model's name. They are refused unshown.

Settings go into run identities, launches, ledgers, messages and reports, so a key among them would be kept and printed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import pairwise
from urllib.parse import parse_qsl, unquote, urlsplit

from epm.errors import ConfigError
from epm.gateway.secrets import KEY_BEGINNING

VARIABLES = {"api_key_env": "OPENAI_API_KEY", "azure_ad_token_env": "AZURE_TOKEN"}
"""Settings that name a variable, each with an example."""
NAMES = ("name", "model", "base_model", "api_version", "matcher", "price", "reasoning_effort")
"""Settings that are shown as they are."""
ADDRESS = "api_base"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_MOST_NAME_CHARS = 64
"""The longest variable of a vendor that litellm knows has 36 characters; the shortest keys without a known beginning, 32."""
_RUN = re.compile(r"[A-Za-z0-9]+")
_LEAST_RANDOM_CHARS = 20
"""Longer than words of model names run together ("Llama31NemotronUltra"); shorter than vendors' random keys, from 24 on."""
_LEAST_TURNS = 4
"""Turns between letters and digits in a run: a random text of 20 hex digits has 9, a name with a version and a size 3."""
_LEAST_HOST_CHARS = 16
"""A shorter part of a host ("sk-gateway") is a name."""
_KEY_PARAMETER = re.compile(r"(key|token|secret|sig|signature|password|pwd|auth|authorization|code|credential)s?$", re.IGNORECASE)
_ACCOUNT = "accounts"
"""What follows it in a path is an account's number (Cloudflare), 32 hex digits long and no secret."""
_KEPT_NOWHERE = "it is not shown or kept; if it was a key, replace it, for it stands in the history of your shell or in a file"


def refuse_misplaced_keys(settings: Mapping[str, object]) -> None:
    """Nothing, when no setting looks like a key; names of settings are those of ``ModelSettings`` and of ``bench.toml``.

    Raises:
        ConfigError: names the setting and what belongs there; the value is not in the message.
    """
    for name, example in VARIABLES.items():
        value = settings.get(name)
        if isinstance(value, str) and not is_variable_name(value):
            raise ConfigError(
                f"--{name.replace('_', '-')} ({name}) takes the name of an environment variable, such as {example}, "
                f"and what was given is none or looks like a key; {_KEPT_NOWHERE}"
            )
    address = settings.get(ADDRESS)
    if isinstance(address, str) and (found := _secret_in(address)) is not None:
        raise ConfigError(
            f"--api-base (api_base) holds {found}: give the address alone, and name the variable of the key with --api-key-env; {_KEPT_NOWHERE}"
        )
    for name in NAMES:
        value = settings.get(name)
        if isinstance(value, str) and any(map(_begins_like_a_key, re.split(r"[/:@,\s]", value))):
            raise ConfigError(
                f"the setting {name!r} looks like a key: give it a name, and the key with --api-key-env VARIABLE; {_KEPT_NOWHERE}"
            )


def is_variable_name(text: str) -> bool:
    """True for a variable that is set, and for what a name of one commonly looks like."""
    if text in os.environ and not _begins_like_a_key(text):
        return True
    is_name = _VARIABLE.fullmatch(text) is not None and len(text) <= _MOST_NAME_CHARS
    return is_name and not _looks_like_a_key(text)


def _secret_in(address: str) -> str | None:
    """Which part of an address looks like a key; ``None`` for none."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    if "@" in parts.netloc or "@" in unquote(parts.netloc):
        return "a user or password"
    if parts.fragment:
        return "a part after '#', which is never sent"
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if _KEY_PARAMETER.search(name) or _looks_like_a_key(value) or _looks_like_a_key(name):
            return "a key in its query"
    segments = [unquote(segment) for segment in parts.path.split("/")]
    before = ["", *segments]
    if any(_looks_like_a_key(segment) and earlier != _ACCOUNT for earlier, segment in zip(before, segments, strict=False)):
        return "a key in its path"
    is_key = any(len(label) >= _LEAST_HOST_CHARS and _begins_like_a_key(label) for label in parts.netloc.split("."))
    return "a key in place of a host" if is_key else None


def _looks_like_a_key(text: str) -> bool:
    return _begins_like_a_key(text) or any(map(_is_random, _RUN.findall(text)))


def _begins_like_a_key(text: str) -> bool:
    return KEY_BEGINNING.match(text.strip()) is not None


def _is_random(run: str) -> bool:
    """A long run of letters and digits in no order that words have."""
    if len(run) < _LEAST_RANDOM_CHARS:
        return False
    kinds = [character.isdigit() for character in run]
    turns = sum(first != second for first, second in pairwise(kinds))
    cases = sum(first.isupper() and second.islower() for first, second in pairwise(run))
    return turns >= _LEAST_TURNS or (turns >= 1 and cases >= _LEAST_TURNS)
