"""Running our asynchronous code from synchronous callers, notebooks included."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_sync(coroutine: Coroutine[object, object, T]) -> T:
    """The coroutine's result, from a plain function or from inside a running event loop.

    Inside a running loop (a notebook) the coroutine gets its own loop in its own thread, and this call waits for it.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="epm-sync") as thread:
        return thread.submit(asyncio.run, coroutine).result()
