"""The model that ``--model`` names, with all that options and, for ``@NAME``, its profile in ``epm.toml`` say of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from epm.cli.asking import Endpoint
from epm.cli.money import Pricing
from epm.cli.streams import note

if TYPE_CHECKING:
    from epm.gateway.request import ModelSettings
    from epm.model_profile import ModelProfile

EndpointT = TypeVar("EndpointT", bound=Endpoint)
PricingT = TypeVar("PricingT", bound=Pricing)


def asked_model(name: str, endpoint: Endpoint, pricing: Pricing) -> ModelSettings:
    """The settings of a model; what an option says wins over the profile.

    Raises:
        ConfigError: the profile is unknown or wrong, or a price is malformed, or unknown and needed.
    """
    from epm.config_file import load_profile
    from epm.model_profile import is_profile

    if not is_profile(name):
        return pricing.priced(endpoint.settings(name))
    profile = load_profile(name, Path.cwd())
    return _with_price(pricing, profile).priced(_with_place(endpoint, profile, name).settings(profile.model))


def _with_place(endpoint: EndpointT, profile: ModelProfile, name: str) -> EndpointT:
    """The options, filled by the profile. Its key is only sent where it was named for: not to another server of the options."""
    is_elsewhere = endpoint.api_base not in {None, profile.api_base}
    has_key = endpoint.api_key_env is not None or endpoint.azure_ad_token_env is not None
    filled = replace(
        endpoint, api_base=endpoint.api_base or profile.api_base, api_version=endpoint.api_version or profile.api_version,
        reasoning_effort=endpoint.reasoning_effort or profile.reasoning_effort,
    )  # fmt: skip
    if has_key:
        return filled
    if is_elsewhere:
        if profile.api_key_env is not None or profile.azure_ad_token_env is not None:
            note(f"epm: note: the key of {name} is not sent to another --api-base than its own: name one with --api-key-env")
        return filled
    return replace(filled, api_key_env=profile.api_key_env, azure_ad_token_env=profile.azure_ad_token_env)


def _with_price(pricing: PricingT, profile: ModelProfile) -> PricingT:
    if pricing.price is not None or pricing.base_model is not None:
        return pricing
    return replace(pricing, price=profile.price, base_model=profile.base_model)
