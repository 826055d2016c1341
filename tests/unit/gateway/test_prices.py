from __future__ import annotations

import pytest

from epm.errors import ConfigError
from epm.gateway.prices import FREE, Price, listed_price, parse_price, price_of, priced
from epm.gateway.request import ModelSettings, Usage
from epm.gateway.tokens import TEMPLATE_TOKENS, most_tokens


def test_a_price_is_usd_for_a_million_tokens() -> None:
    assert Price(0.15, 0.60).cost_usd(Usage(1_000_000, 500_000)) == pytest.approx(0.45)


@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini", "azure/gpt-4o-mini"])
def test_listed_models_are_found_with_and_without_their_vendor(name: str) -> None:
    price = listed_price(name)
    assert price is not None
    assert 0 < price.in_usd < price.out_usd < 10


def test_another_vendor_selling_a_model_of_that_name_has_no_price() -> None:
    assert listed_price("gpt-4o-mini") is not None
    assert listed_price("somebody/gpt-4o-mini") is None


def test_the_dearest_tier_counts_so_that_long_prompts_stay_bounded() -> None:
    price = listed_price("gemini/gemini-2.5-pro")
    assert price is not None
    assert (price.in_usd, price.out_usd) == pytest.approx((2.5, 15.0))


def test_a_given_price_wins_then_the_base_model_then_the_name() -> None:
    given = ModelSettings("gpt-4o-mini", price_in_usd=1.0, price_out_usd=2.0, base_model="gpt-4o")
    assert price_of(given) == Price(1.0, 2.0)
    deployed = ModelSettings("azure/our-deployment", base_model="azure/gpt-4o")
    assert price_of(deployed) == listed_price("azure/gpt-4o") is not None
    assert price_of(ModelSettings("azure/our-deployment")) is None


def test_a_base_model_is_written_out_as_a_price_for_the_transport() -> None:
    listed = listed_price("azure/gpt-4o")
    assert listed is not None
    settings = priced(ModelSettings("azure/our-deployment", base_model="azure/gpt-4o"))
    assert (settings.price_in_usd, settings.price_out_usd) == (listed.in_usd, listed.out_usd)


def test_a_base_model_that_is_not_listed_is_refused() -> None:
    with pytest.raises(ConfigError, match="base model 'gpt-99' is not in"):
        price_of(ModelSettings("azure/x", base_model="gpt-99"))


@pytest.mark.parametrize("name", ["rules", "replay:calls.jsonl"])
def test_rules_and_recordings_are_free_whatever_model_a_request_names(name: str) -> None:
    assert price_of(ModelSettings(name)) == FREE
    assert price_of(ModelSettings("replay:calls.jsonl"), "openai/unlisted") == FREE


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "-1,2", "1,nan", "inf,1"])
def test_a_malformed_price_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(ConfigError, match="is not IN,OUT"):
        parse_price(text)


def test_zero_is_a_price() -> None:
    assert parse_price("0,0") == FREE


def test_the_bound_counts_every_byte_of_the_prompt_and_the_whole_reply() -> None:
    text = "Läuft 🛒" * 50
    usage = most_tokens({"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 700})
    assert usage.completion_tokens == 700
    assert usage.prompt_tokens >= len(text.encode()) + TEMPLATE_TOKENS
    assert usage.is_estimated


def test_tools_and_schemas_are_prompt_too() -> None:
    body = {"model": "m", "messages": [], "max_tokens": 1}
    assert most_tokens({**body, "tools": [{"name": "x" * 999}]}).prompt_tokens > most_tokens(body).prompt_tokens + 999


def test_several_replies_count_several_times() -> None:
    assert most_tokens({"model": "m", "messages": [], "max_tokens": 10, "n": 3}).completion_tokens == 30


def test_a_request_without_a_limit_has_no_bound() -> None:
    with pytest.raises(ConfigError, match="sets no max_tokens"):
        most_tokens({"model": "m", "messages": []})
