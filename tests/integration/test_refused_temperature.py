"""Models that take no temperature but their own are asked without one, and others with the one that was set."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport
from epm.gateway.transports.litellm_batch import LitellmBatches

BODY = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5, "temperature": 0.0}


@pytest.mark.parametrize(("name", "is_taken"), [("o4-mini", False), ("gpt-5-mini", False), ("gpt-4o-mini", True), ("of-our-own", True)])
def test_a_temperature_reaches_the_models_that_take_it(
    fake_server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, is_taken: bool
) -> None:
    monkeypatch.setenv("FAKE_KEY", "k")
    settings = ModelSettings(f"openai/{name}", api_base=fake_server.url, api_key_env="FAKE_KEY")
    request = ChatRequest({"model": settings.name, **BODY})
    transport = LitellmTransport(settings)
    with caplog.at_level(logging.WARNING, "epm"):
        for _ in range(2):
            asyncio.run(transport.send(request, timeout_s=10.0))
    assert [("temperature" in sent["keys"]) for sent in fake_server.log()["requests"]] == [is_taken] * 2
    assert sum("takes no temperature 0.0" in record.message for record in caplog.records) == (not is_taken)
    assert ("temperature" in LitellmBatches(settings).body(request)) is is_taken
    assert request.body["temperature"] == 0.0
