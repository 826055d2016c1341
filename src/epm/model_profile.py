"""Models with a name of the user's own: ``--model @cheap`` stands for what ``epm.toml`` says under that name.

    [models.cheap]                          # in epm.toml, in the folder where the command runs or the nearest above it
    model = "openai/gpt-4o-mini"
    api_base = "https://gateway.example.com/v1"
    api_key_env = "GATEWAY_KEY"             # the name of the variable that holds the key, never the key
    price = "0.15,0.60"                     # USD for a million tokens, in and out
    reasoning_effort = "low"

A profile is resolved before anything else is done, so runs, launches, ledgers and reports hold what it stood for and never
its name: to rename it pays for nothing twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from epm.errors import ConfigError
from epm.gateway.misplaced import refuse_misplaced_keys
from epm.gateway.prices import parse_price
from epm.gateway.request import PROFILE_MARK, ModelSettings

_NAME = re.compile(r"[\w.-]+")
_Text = Annotated[str, Field(min_length=1)]


class ModelProfile(BaseModel):
    """One ``[models.NAME]`` of ``epm.toml``; ``None`` is left open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: _Text
    api_base: _Text | None = None
    api_key_env: _Text | None = None
    api_version: _Text | None = None
    azure_ad_token_env: _Text | None = None
    price: _Text | None = None
    base_model: _Text | None = None
    reasoning_effort: _Text | None = None

    def settings(self) -> ModelSettings:
        """The settings that the profile stands for.

        Raises:
            ConfigError: a setting looks like a key, the price is none or said twice, or ``model`` names a profile.
        """
        refuse_misplaced_keys(self.model_dump())
        if self.price is not None and self.base_model is not None:
            raise ConfigError(f"price {self.price!r} and base_model {self.base_model!r} both say what the model costs; give one of them")
        settings = ModelSettings(
            self.model, api_base=self.api_base, api_key_env=self.api_key_env, api_version=self.api_version,
            azure_ad_token_env=self.azure_ad_token_env, base_model=self.base_model, reasoning_effort=self.reasoning_effort,
        )  # fmt: skip
        if self.price is None:
            return settings
        try:
            price = parse_price(self.price)
        except ConfigError:  # its message shows the text, and this one may hold anything
            msg = "price is not IN,OUT: two amounts in USD for a million tokens, such as 0.15,0.60"
            raise ConfigError(msg) from None
        return replace(settings, price_in_usd=price.in_usd, price_out_usd=price.out_usd)


def is_profile(model: str) -> bool:
    """True for ``@NAME``."""
    return model.startswith(PROFILE_MARK)


def require_sound_profiles(profiles: Mapping[str, ModelProfile]) -> None:
    """Nothing, when every profile can be used as it stands.

    Raises:
        ConfigError: names the profile and what is wrong in it; a key is not in the message.
    """
    for name, profile in profiles.items():
        if not _NAME.fullmatch(name):
            raise ConfigError("a profile under [models] has a name that no --model can say: give it letters, digits, '.', '-' and '_'")
        try:
            profile.settings()
        except ConfigError as error:
            raise ConfigError(f"[models.{name}]: {error}") from error
