"""Batches of OpenAI and Azure through litellm: files up, batches made, found and looked at, results down, files deleted.

One HTTP request for each call, no retries: whoever asks decides about them, because making a batch twice is paid twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from epm.errors import ErrorClass, ModelError
from epm.gateway.access import find_access
from epm.gateway.batch import BatchState, check_vendor, provider_of
from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm import is_temperature_taken, load_litellm
from epm.gateway.transports.model_error import to_model_error
from epm.gateway.transports.wire import MAX_FILE_BYTES, watched

FILE_TIMEOUT_S = 600.0
"""For a file of a hundred megabytes on a slow line."""
_PAGE = 100
_NOT_SENT = frozenset({"extra_body", "stream"})
_ENDPOINT = {"openai": "/v1/chat/completions", "azure": "/chat/completions"}
_ERROR_CHARS = 200
_PHASES = 2
"""The client counts its time anew for connecting and for the answer."""


class LitellmBatches:
    """The batches of one model's account. ``url`` is what each line of an input file names; no request but a file's takes more than ``longest_s``.

    Raises:
        ConfigError: the vendor takes no batches from here, or the variable that holds the key or token is not set.
    """

    def __init__(self, settings: ModelSettings) -> None:
        check_vendor(settings.name)
        self._settings = settings
        self._vendor = provider_of(settings.name)
        self._access = find_access(settings)
        self._litellm = load_litellm()
        self.url = _ENDPOINT[self._vendor]
        self._timeout_s = settings.timeout_s
        self.longest_s = _PHASES * settings.timeout_s

    def body(self, request: ChatRequest) -> dict[str, object]:
        """The body that litellm would send for an ordinary call of this request.

        Raises:
            ModelError: ``unsupported``, the model does not take a parameter.
        """
        name = self._settings.name.removeprefix(f"{self._vendor}/")
        asked = {key: value for key, value in request.body.items() if key not in {"model", "messages"}}
        if not is_temperature_taken(self._litellm, name, self._vendor, asked.get("temperature")):
            del asked["temperature"]
        version = {"api_version": self._settings.api_version} if self._settings.api_version else {}
        try:
            found = self._litellm.get_optional_params(model=name, custom_llm_provider=self._vendor, **asked, **version)
        except Exception as error:  # noqa: BLE001  # the boundary to litellm
            raise to_model_error(error, self._settings, self._access.secret) from None
        kept = {key: value for key, value in cast("dict[str, object]", found).items() if key not in _NOT_SENT}
        return {"model": name, "messages": request.body["messages"], **kept}

    async def upload(self, content: bytes) -> str:
        """The id of an input file."""
        file = ("epm-batch.jsonl", content, "application/jsonl")
        made = await self._call("create_file", file=file, purpose="batch", timeout=FILE_TIMEOUT_S)
        return str(getattr(made, "id", ""))

    async def create(self, file_id: str) -> str:
        """The id of a new batch; when this fails by ``timeout`` or ``connection`` it may have been made all the same."""
        made = await self._call(
            "create_batch", completion_window="24h", endpoint=self.url, input_file_id=file_id, timeout=self._timeout_s
        )  # fmt: skip
        return str(getattr(made, "id", ""))

    async def find(self, file_id: str) -> str | None:
        """The id of the batch that was made of an input file; ``None`` if there is none."""
        after: dict[str, str] = {}
        while True:
            page = await self._call("list_batches", limit=_PAGE, timeout=self._timeout_s, **after)
            listed = list(getattr(page, "data", None) or [])
            found = next((batch.id for batch in listed if batch.input_file_id == file_id), None)
            if found is not None or not getattr(page, "has_more", False) or not listed:
                return found
            after = {"after": listed[-1].id}

    async def look(self, batch_id: str) -> BatchState:
        """How far a batch is."""
        quiet = {"batch_ignore_default_logging": True}  # else litellm reads the results of an ended batch to log their cost
        found = await self._call("retrieve_batch", batch_id=batch_id, timeout=self._timeout_s, litellm_metadata=quiet)
        files = (getattr(found, "output_file_id", None), getattr(found, "error_file_id", None))
        errors = getattr(getattr(found, "errors", None), "data", None) or []
        error = "".join(f": {getattr(one, 'code', '')} {getattr(one, 'message', '')}" for one in errors[:1])[:_ERROR_CHARS]
        counts = getattr(found, "request_counts", None)
        n_answered = (getattr(counts, "completed", 0) or 0) + (getattr(counts, "failed", 0) or 0)
        return BatchState(str(getattr(found, "status", "")), n_answered, tuple(str(name) for name in files if name), error)

    async def read(self, file_id: str) -> bytes:
        """What a file holds."""
        found = await self._call("file_content", file_id=file_id, timeout=FILE_TIMEOUT_S)
        return cast(bytes, getattr(found, "content", b""))

    async def delete(self, file_id: str) -> None:
        """Have a file deleted at the vendor."""
        await self._call("file_delete", file_id=file_id, timeout=self._timeout_s)

    async def _call(self, name: str, *, timeout: float, **arguments: object) -> object:  # noqa: ASYNC109  # litellm does not always heed its own
        given: Mapping[str, object] = {**self._access.arguments, "api_base": self._settings.api_base, "custom_llm_provider": self._vendor}
        with watched(MAX_FILE_BYTES, timeout_s=_PHASES * timeout, is_file=True) as watch:
            try:
                async with asyncio.timeout(_PHASES * timeout):
                    # in a thread: litellm makes a client for each of these calls, and only its blocking ones are ever closed
                    return await asyncio.to_thread(
                        getattr(self._litellm, name), **arguments, **given, timeout=timeout, max_retries=0, num_retries=0
                    )
            except TimeoutError:
                msg = f"model {self._settings.name!r}: the vendor did not answer about a batch within {_PHASES * timeout:g} s"
                raise ModelError(msg, ErrorClass.TIMEOUT) from None
            except Exception as error:  # noqa: BLE001  # the boundary to litellm; the original may hold the key
                raise to_model_error(error, self._settings, self._access.secret, watch) from None
