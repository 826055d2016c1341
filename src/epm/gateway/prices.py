"""What a model's tokens cost: as the user says, as litellm's packaged table says of the model or its base model, or unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from epm.errors import ConfigError
from epm.gateway.request import ModelSettings, Usage

_PER_MILLION = 1_000_000
_TABLE = "model_prices_and_context_window_backup.json"
_RULES = "rules"


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens, in and out."""

    in_usd: float
    out_usd: float

    def cost_usd(self, usage: Usage) -> float:
        """What this usage costs; tokens that the vendor had cached count in full."""
        return (usage.prompt_tokens * self.in_usd + usage.completion_tokens * self.out_usd) / _PER_MILLION


FREE = Price(0.0, 0.0)
_BATCH_SHARE = 0.5
"""What OpenAI and Azure ask for a call in a batch, of its ordinary price."""


def parse_price(text: str) -> Price:
    """The price of ``IN,OUT``.

    Raises:
        ConfigError: it is not two amounts of at least 0.
    """
    try:
        price = Price(*(float(part) for part in text.split(",")))
    except (TypeError, ValueError):
        price = Price(-1.0, -1.0)
    if not (0 <= price.in_usd < float("inf") and 0 <= price.out_usd < float("inf")):
        raise ConfigError(
            f"price {text!r} is not IN,OUT: two amounts in USD for a million tokens, such as 0.15,0.60 (0,0 for a server of yours)"
        )
    return price


def price_of(settings: ModelSettings, model: str | None = None) -> Price | None:
    """The price of ``model`` (default: the settings' own) under these settings; ``None`` when nobody knows it.

    Raises:
        ConfigError: the base model has no price.
    """
    if settings.cassette is not None:
        return FREE
    if settings.price_in_usd is not None and settings.price_out_usd is not None:
        return Price(settings.price_in_usd, settings.price_out_usd)
    name = model or settings.name
    if name == _RULES:
        return FREE
    found = listed_price(settings.base_model or name)
    if found is None and settings.base_model is not None:
        msg = f"base model {settings.base_model!r} is not in litellm's price table; give the price as --price IN,OUT (USD for a million tokens)"
        raise ConfigError(msg)
    return found


@dataclass(frozen=True, slots=True)
class BatchPrice:
    """The price of a call in a batch; ``is_assumed``: nobody lists it, so it is half of the ordinary one."""

    price: Price
    is_assumed: bool


def batch_price_of(settings: ModelSettings, model: str | None = None) -> BatchPrice | None:
    """What ``model`` (default: the settings' own) costs in a batch: as listed, else half; ``None`` when nobody knows its price.

    Raises:
        ConfigError: the base model has no price.
    """
    ordinary = price_of(settings, model)
    if ordinary is None or ordinary == FREE:
        return None if ordinary is None else BatchPrice(FREE, is_assumed=False)
    if settings.price_in_usd is None or settings.price_out_usd is None:
        entry = _entry(settings.base_model or model or settings.name) or {}
        listed = [entry.get(f"{side}_cost_per_token_batches") for side in ("input", "output")]
        if all(isinstance(usd, int | float) for usd in listed):
            return BatchPrice(Price(*(float(usd) * _PER_MILLION for usd in listed if isinstance(usd, int | float))), is_assumed=False)
    return BatchPrice(Price(ordinary.in_usd * _BATCH_SHARE, ordinary.out_usd * _BATCH_SHARE), is_assumed=True)


def priced(settings: ModelSettings) -> ModelSettings:
    """The settings with the base model's price written out, so that every call is billed at it."""
    price = None if settings.base_model is None else price_of(settings)
    return settings if price is None else replace(settings, price_in_usd=price.in_usd, price_out_usd=price.out_usd)


def unknown_price(model: str) -> str:
    """What to say of a model without a price."""
    return (
        f"the price of model {model!r} is unknown: give --price IN,OUT (USD for a million tokens; 0,0 for a server of yours) "
        "or --base-model NAME of a model that litellm lists"
    )


def listed_price(name: str) -> Price | None:
    """The price that litellm's packaged table gives this name: its highest tier, so that it bounds long prompts too."""
    entry = _entry(name)
    if entry is None:
        return None
    dearest = [_dearest(entry, f"{side}_cost_per_token") for side in ("input", "output")]
    return None if None in dearest else Price(*(usd * _PER_MILLION for usd in dearest if usd is not None))


def _entry(name: str) -> Mapping[str, object] | None:
    vendor, slash, bare = name.partition("/")
    entry = _table().get(name)
    if entry is None and slash:  # the table lists some vendors' models without their prefix; others resell the same names
        entry = _table().get(bare)
        if entry is not None and not str(entry.get("litellm_provider")).startswith(vendor):
            entry = None
    return entry


def _dearest(entry: Mapping[str, object], field: str) -> float | None:
    if field not in entry:
        return None
    tiers = (value for name, value in entry.items() if name == field or (name.startswith(f"{field}_above_") and name.endswith("_tokens")))
    return max((float(value) for value in tiers if isinstance(value, int | float)), default=None)


@cache
def _table() -> Mapping[str, Mapping[str, object]]:
    """The packaged table, read as data: importing litellm to look up one price would take seconds."""
    found = find_spec("litellm")
    if found is None or not found.submodule_search_locations:
        return {}
    text = (Path(found.submodule_search_locations[0]) / _TABLE).read_text(encoding="utf-8")
    return {name: entry for name, entry in json.loads(text).items() if isinstance(entry, dict)}
