"""A redirect is never followed: one request, one row in the ledger, and a message that names where it points."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from epm.errors import ErrorClass, ModelError
from epm.gateway.ledger import MemoryCallLog
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport
from epm.gateway.transports.litellm_batch import LitellmBatches

pytestmark = pytest.mark.filterwarnings("ignore:Items? .* ReadOnly:UserWarning", "ignore:Items? .*`ReadOnly` qualifier:UserWarning")
SCOPE = CallScope("run", "item", "decide")
ELSEWHERE = "http://evil.invalid:81/v1/chat/completions?token=abc-secret"


def refused(server: Any, name: str = "openai/m", base: str | None = None, **changes: Any) -> tuple[ModelError, list]:
    model = ModelSettings(name, api_base=base or server.url, **changes)
    gateway = MeteredGateway(LitellmTransport(model), None, backoff_s=0.001, timeout_s=20)
    request = ChatRequest({"model": name, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 50})
    with pytest.raises(ModelError) as caught:
        asyncio.run(gateway.send(request, SCOPE))
    assert isinstance(gateway.log, MemoryCallLog)
    return caught.value, list(gateway.log.calls)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_one_request_and_one_row_and_names_the_host_but_no_query(fake_server: Any, status: int) -> None:
    fake_server.script(faults=[f"redirect:{status} {ELSEWHERE}"] * 50)
    error, calls = refused(fake_server)
    assert error.error_class is ErrorClass.BAD_REQUEST
    assert f"answered {status}, a redirect to 'evil.invalid:81'; redirects are never followed" in str(error)
    assert "--api-base http://evil.invalid:81" in str(error)
    assert "secret" not in str(error)
    assert (fake_server.n_requests(), len(calls)) == (1, 1)


@pytest.mark.parametrize("location", ["/v1/elsewhere", "elsewhere", "//127.0.0.1:9/v1", "?again=1", "http://user:pw-secret@evil.invalid/"])
def test_relative_looping_and_other_ports_are_refused_alike(fake_server: Any, location: str) -> None:
    fake_server.script(faults=[f"redirect:307 {location}"] * 50)
    error, calls = refused(fake_server)
    assert "redirects are never followed" in str(error)
    assert "secret" not in str(error)
    assert (fake_server.n_requests(), len(calls)) == (1, 1)


@pytest.mark.parametrize("location", ["", "http://", "http://[::1", "mailto:x@y", "\x7f"])
def test_a_redirect_to_nowhere_is_refused_in_words_too(fake_server: Any, location: str) -> None:
    fake_server.script(faults=[f"redirect:302 {location}"] * 50)
    error, calls = refused(fake_server)
    assert error.error_class is ErrorClass.BAD_REQUEST
    assert "redirect" in str(error)
    assert (fake_server.n_requests(), len(calls)) == (1, 1)


VENDORS = [
    "openai/m", "hosted_vllm/m", "openrouter/m", "deepseek/m", "groq/m", "mistral/m", "together_ai/m", "xai/m", "fireworks_ai/m",
    "perplexity/m", "azure/m", "lm_studio/m", "anthropic/m", "ollama/m", "ollama_chat/m", "gemini/m", "cohere_chat/m", "huggingface/m",
]  # fmt: skip


@pytest.mark.parametrize("name", VENDORS)
def test_no_vendors_route_follows_a_redirect(moving_server: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "canary-key-1")
    version = {"api_version": "2024-10-21"} if name == "azure/m" else {}
    error, calls = refused(None, name, moving_server.url, api_key_env="OUR_KEY", **version)
    assert "redirect to 'evil.invalid'; redirects are never followed" in str(error)
    assert (moving_server.n_requests(), len(calls)) == (1, 1)


def test_batches_follow_no_redirect(moving_server: Any) -> None:
    batches = LitellmBatches(ModelSettings("openai/m", api_base=moving_server.url))
    for call in (
        batches.upload(b"{}\n"),
        batches.create("f"),
        batches.look("b"),
        batches.read("f"),
        batches.find("f"),
        batches.delete("f"),
    ):
        before = moving_server.n_requests()
        with pytest.raises(ModelError, match=r"redirect to 'evil.invalid'; redirects are never followed"):
            asyncio.run(call)
        assert moving_server.n_requests() == before + 1
