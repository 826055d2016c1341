"""A call that is cancelled before litellm sends it says nothing on stderr and reaches no server."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm import LitellmTransport, load_litellm


class HeldThreads(ThreadPoolExecutor):
    """Threads that do their work at once and hand it over only when they are let go."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(max_workers=2)
        self._loop = loop
        self.worked = asyncio.Event()
        self.released = threading.Event()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def held() -> Any:
            result = fn(*args, **kwargs)
            self._loop.call_soon_threadsafe(self.worked.set)
            self.released.wait(10)
            return result

        return super().submit(held)


async def cancel_while_prepared(transport: LitellmTransport) -> None:
    loop = asyncio.get_running_loop()
    threads = HeldThreads(loop)
    loop.set_default_executor(threads)
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
    call = asyncio.create_task(transport.send(ChatRequest(body), timeout_s=5.0))
    await asyncio.wait_for(threads.worked.wait(), 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    threads.released.set()


def test_a_call_cancelled_while_it_is_prepared_leaves_no_warning_and_no_request(fake_server: Any) -> None:
    before = fake_server.log()["requests"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_litellm.cache_clear()  # what it hides was hidden once, from whichever test loaded it first
        transport = LitellmTransport(ModelSettings("openai/gpt-4o-mini", api_base=fake_server.url))
        asyncio.run(cancel_while_prepared(transport))
        gc.collect()
    # garbage of earlier tests may warn here of its own
    assert [str(warning.message) for warning in caught if "never awaited" in str(warning.message)] == []
    assert fake_server.log()["requests"] == before
