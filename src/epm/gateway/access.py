"""What opens a model's server: a key, or an Entra token of Azure.

A secret is only ever sent where it was named for: with ``api_base`` and no variable named, a dummy key goes out, never one
that litellm finds in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from epm.errors import ConfigError
from epm.gateway.request import ModelSettings

AZURE_PREFIX = "azure/"
_NO_KEY = "not-needed"


@dataclass(frozen=True, slots=True)
class Access:
    """The secret of a call, and litellm's arguments that carry it."""

    secret: str | None = field(repr=False)
    arguments: Mapping[str, str | None] = field(repr=False)


def find_access(settings: ModelSettings) -> Access:
    """The secret that the settings name, out of the environment.

    Raises:
        ConfigError: its variable is not set, or settings of Azure are missing or stand beside another vendor's model.
    """
    is_azure = settings.name.startswith(AZURE_PREFIX)
    if is_azure:
        _check_azure(settings)
    elif settings.azure_ad_token_env or settings.api_version:
        given = "--azure-ad-token-env" if settings.azure_ad_token_env else "--api-version"
        msg = f"{given} is for models named azure/DEPLOYMENT, got {settings.name!r}; leave it out, or name the deployment"
        raise ConfigError(msg)
    version = {"api_version": settings.api_version} if settings.api_version else {}
    if settings.azure_ad_token_env is not None:
        token = _variable(settings.azure_ad_token_env, settings.name, "Entra token")
        return Access(token, {"api_key": _NO_KEY, "azure_ad_token": token, **version})
    if settings.api_key_env is not None:
        key = _variable(settings.api_key_env, settings.name, "key")
        return Access(key, {"api_key": key, **version})
    return Access(None, {"api_key": _NO_KEY if settings.api_base else None, **version})


def _check_azure(settings: ModelSettings) -> None:
    if not settings.api_base and not os.environ.get("AZURE_API_BASE"):
        msg = f"where {settings.name!r} is deployed is not known: give --api-base https://NAME.openai.azure.com"
        raise ConfigError(msg)
    if settings.api_key_env is not None and settings.azure_ad_token_env is not None:
        msg = f"both --api-key-env {settings.api_key_env!r} and --azure-ad-token-env {settings.azure_ad_token_env!r} are given: one opens the deployment"
        raise ConfigError(msg)
    if not settings.api_version:
        # litellm's default changes with litellm, and would be no part of the run's identity and the cache
        msg = f"in which API version {settings.name!r} is asked is not known: give --api-version, such as 2024-10-21"
        raise ConfigError(msg)


def _variable(name: str, model: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        msg = f"environment variable {name!r} is not set, but model {model!r} takes its {what} from it; set it"
        raise ConfigError(msg)
    return value
