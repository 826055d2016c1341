"""Whose batches are taken, and at what price."""

from __future__ import annotations

import pytest

from epm.errors import ConfigError
from epm.gateway.batch import require_batches
from epm.gateway.prices import batch_price_of, price_of
from epm.gateway.request import ModelSettings


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        (None, "name it with --model"),
        (ModelSettings("openai/gpt-4o-mini", replay="calls.jsonl"), "leave --batch out"),
        (ModelSettings("replay:calls.jsonl"), "leave --batch out"),
        (ModelSettings("anthropic/claude-3-5-haiku-latest"), "cannot submit"),
    ],
)
def test_what_takes_no_batch_is_refused_with_the_reason(model: ModelSettings | None, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        require_batches(model)


def test_a_listed_batch_price_is_half_the_listed_price_and_no_guess() -> None:
    model = ModelSettings("openai/gpt-4o-mini")
    batch, ordinary = batch_price_of(model), price_of(model)
    assert batch is not None
    assert ordinary is not None
    assert (batch.price.in_usd, batch.price.out_usd) == pytest.approx((ordinary.in_usd / 2, ordinary.out_usd / 2))
    assert not batch.is_assumed


def test_half_of_a_price_that_the_user_gave_is_flagged_as_a_guess() -> None:
    batch = batch_price_of(ModelSettings("openai/own", price_in_usd=1.0, price_out_usd=4.0))
    assert batch is not None
    assert (batch.price.in_usd, batch.price.out_usd, batch.is_assumed) == (0.5, 2.0, True)


def test_an_unknown_price_stays_unknown() -> None:
    assert batch_price_of(ModelSettings("openai/own")) is None
