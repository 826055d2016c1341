"""A LangChain chat model for tool-calling loops whose every HTTP request ends in the gateway.

ChatOpenAI believes it speaks HTTP; the transport under its client hands the chat body to ``Gateway.send`` instead. So
tool loops share cache, limiter, retries and ledger with structured calls, and no second way out exists: the synchronous
client refuses.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import httpx

from epm.errors import EpmError, ErrorClass, ModelError
from epm.gateway.gateway import Gateway
from epm.gateway.request import CallScope, ChatRequest, ModelSettings, Task

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

_NOWHERE = "http://gateway.invalid/v1"


class _GatewayHttp(httpx.AsyncBaseTransport):
    def __init__(self, gateway: Gateway, scope: CallScope, task: Task | None) -> None:
        self._gateway = gateway
        self._scope = scope
        self._task = task

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        body.pop("stream", None)
        if "max_completion_tokens" in body:  # OpenAI's newer name; litellm translates the common one for each vendor
            body["max_tokens"] = body.pop("max_completion_tokens")
        reply = await self._gateway.send(ChatRequest(body, self._task), self._scope)
        return httpx.Response(200, json=reply.body)


class _RefuseHttp(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> NoReturn:  # noqa: ARG002  # httpx's signature
        raise ModelError("this chat model answers asynchronously only: use 'ainvoke'", ErrorClass.UNSUPPORTED)


def bound_chat_model(gateway: Gateway, model: ModelSettings, scope: CallScope, task: Task | None) -> ChatOpenAI:
    """A chat model that asks ``model`` through the gateway; ``task`` is what the ``rules`` transport answers.

    ``ainvoke`` raises ModelError with its class, as the gateway raised it.
    """
    return _chat_model_class()(
        model=model.name,
        temperature=model.temperature if model.reasoning_effort is None else None,
        reasoning_effort=model.reasoning_effort,
        max_tokens=model.max_tokens,
        max_retries=0,
        api_key="unused",
        base_url=_NOWHERE,
        http_async_client=httpx.AsyncClient(transport=_GatewayHttp(gateway, scope, task)),
        http_client=httpx.Client(transport=_RefuseHttp()),
        use_responses_api=False,
        disable_streaming=True,
    )


@cache
def _chat_model_class() -> type[ChatOpenAI]:
    import openai
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatResult
    from langchain_openai import ChatOpenAI

    class GatewayChatOpenAI(ChatOpenAI):
        """ChatOpenAI that lets the gateway's own errors through instead of calling them connection errors."""

        async def _agenerate(
            self, messages: list[BaseMessage], stop: list[str] | None = None,
            run_manager: AsyncCallbackManagerForLLMRun | None = None, **kwargs: object,
        ) -> ChatResult:  # fmt: skip
            try:
                return await super()._agenerate(messages, stop, run_manager, **kwargs)
            except openai.APIConnectionError as error:
                raise _unwrapped(error) from None

        def _generate(
            self, messages: list[BaseMessage], stop: list[str] | None = None,
            run_manager: CallbackManagerForLLMRun | None = None, **kwargs: object,
        ) -> ChatResult:  # fmt: skip
            try:
                return super()._generate(messages, stop, run_manager, **kwargs)
            except openai.APIConnectionError as error:
                raise _unwrapped(error) from None

    return GatewayChatOpenAI


def _unwrapped(error: BaseException) -> BaseException:
    """What the gateway raised, out of the connection errors that the client libraries wrapped around it."""
    while not isinstance(error, EpmError) and error.__cause__ is not None:
        error = error.__cause__
    return error
