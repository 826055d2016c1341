"""The wire under a model call: redirects are refused, replies are bounded while they are read, error pages are cut.

litellm, the vendors' own clients and the batch calls all end in one of three HTTP transports. Each is wrapped once, and the
wrapper acts only inside ``watched``: other HTTP of the same process is untouched. So no vendor's route goes past it, whichever
client its library makes. A reply is read here to its end, unpacked and counted, before any library sees a byte of it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from epm.errors import ErrorClass, ModelError
from epm.gateway.transports.counts import without_odd_counts
from epm.gateway.transports.error_page import said_briefly

_HONEST_BYTES_PER_TOKEN = 16
"""Text of any script averages under 8 UTF-8 bytes a token in the common vocabularies; twice that is no honest average."""
_ESCAPED_BYTES = 6
"""One byte of text in JSON, at worst: a control character is written as six."""
_ENVELOPE_BYTES = 256 * 1024
"""Whatever stands around the text: ids, token counts, filter results, signatures, the template of an error."""
MAX_ERROR_BYTES = 64 * 1024
"""Of an error's body: what vendors say fits in 4 kB."""
MAX_FILE_BYTES = 300 * 1024**2
"""A batch asks at most 200 MB (OpenAI's own bound), and replies are shorter than what asks for them."""
_REDIRECTS = range(300, 400)
_NOT_MODIFIED = 304
_ERROR_STATUS = 400
_AS_PACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_WINDOW_BITS = 32 + zlib.MAX_WBITS
"""zlib's word for: gzip or zlib, whichever the head says."""
_DEFLATE = "deflate"


def most_reply_bytes(max_tokens: int) -> int:
    """How long a reply of so many tokens can honestly be, in bytes: its text, escaped as badly as JSON allows, and the envelope."""
    return max_tokens * _HONEST_BYTES_PER_TOKEN * _ESCAPED_BYTES + _ENVELOPE_BYTES


@dataclass(slots=True)
class Watch:
    """What one call may take, and what came of it.

    ``failure`` is why it was cut off, whatever a library made of that since; ``odd_count`` is a token count that is none.
    """

    max_bytes: int
    timeout_s: float
    remedy: str
    is_file: bool = False
    n_requests: int = 0
    failure: ModelError | None = None
    odd_count: str | None = None

    def fail(self, message: str, error_class: ErrorClass) -> ModelError:
        """The failure, noted."""
        self.failure = ModelError(message, error_class)
        return self.failure


_WATCH: ContextVar[Watch | None] = ContextVar("epm_wire_watch", default=None)


@contextmanager
def watched(max_bytes: int, *, timeout_s: float, is_file: bool = False) -> Iterator[Watch]:
    """Inside the ``with`` block every HTTP request is bounded to ``max_bytes`` of reply and ``timeout_s`` seconds, redirects refused."""
    watch = Watch(max_bytes, timeout_s, "make batches of fewer lines" if is_file else "raise --reply-tokens", is_file)
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


class _Body:
    """A reply's bytes as they come: unpacked, counted, and cut off beyond the bound."""

    def __init__(self, response: httpx.Response, watch: Watch) -> None:
        self._watch = watch
        self._is_error = response.status_code >= _ERROR_STATUS
        self._host = response.request.url.host
        self._most = min(MAX_ERROR_BYTES, watch.max_bytes) if self._is_error else watch.max_bytes
        self._end_s = time.monotonic() + watch.timeout_s
        self._parts: list[bytes] = []
        self._n_bytes = 0
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"identity", "", "gzip", "x-gzip", _DEFLATE}:
            msg = f"the server at {self._host!r} packed its reply as {coding[:40]!r}, which was not asked for; mend the server"
            raise watch.fail(msg, ErrorClass.BAD_REQUEST)
        self._unpacker = None if coding in {"identity", ""} else zlib.decompressobj(_WINDOW_BITS)
        self._is_raw_possible = coding == _DEFLATE

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; false when nothing more is wanted.

        Raises:
            ModelError: the reply is too long, or takes too long.
        """
        if time.monotonic() > self._end_s:
            msg = f"the server at {self._host!r} was still sending after {self._watch.timeout_s:g} s; raise --timeout-s"
            raise self._watch.fail(msg, ErrorClass.TIMEOUT)
        plain = self._unpacked(chunk)
        room = self._most - self._n_bytes
        self._parts.append(plain[:room])
        self._n_bytes += min(len(plain), room)
        if len(plain) <= room:
            return True
        if self._is_error:
            return False
        msg = f"the reply of {self._host!r} is longer than {self._most:,} bytes, which the tokens asked for can never be; if it is honest, {self._watch.remedy}"
        raise self._watch.fail(msg, ErrorClass.REPLY_TOO_LONG)

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._unpacker is None:
            return chunk
        most = self._most - self._n_bytes + 1
        try:
            return self._unpacker.decompress(chunk, most)
        except zlib.error as error:
            if self._is_raw_possible and not self._n_bytes:  # some servers' deflate has no head
                self._unpacker, self._is_raw_possible = zlib.decompressobj(-zlib.MAX_WBITS), False
                return self._unpacked(chunk)
            raise httpx.DecodingError(f"the reply is packed wrongly: {error}") from error

    def content(self) -> bytes:
        """All of it; of an error what it says, in short."""
        content, self._parts = b"".join(self._parts), []
        if self._is_error:
            return said_briefly(content)
        if self._watch.is_file:
            return content
        try:
            content, self._watch.odd_count = without_odd_counts(content)
        except RecursionError:
            msg = f"the reply of {self._host!r} is JSON that nests too deep to be read; take another model, or mend the server"
            raise self._watch.fail(msg, ErrorClass.INVALID_STRUCTURE) from None
        return content


class _AsyncSender(Protocol):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response: ...


class _Sender(Protocol):
    def handle_request(self, request: httpx.Request) -> httpx.Response: ...


def install(*more: type) -> None:
    """Wrap the transports of httpx, and any others that are given; again for those that are wrapped already changes nothing."""
    for transport in (httpx.AsyncHTTPTransport, *more):
        _wrap(transport, "handle_async_request", _watching_async)
    _wrap(httpx.HTTPTransport, "handle_request", _watching)


def _wrap(transport: type, name: str, wrapper: Callable[..., object]) -> None:
    inner = vars(transport)[name]
    if not hasattr(inner, "__wrapped__"):
        setattr(transport, name, wrapper(inner))


def _watching_async(
    inner: Callable[[_AsyncSender, httpx.Request], object],
) -> Callable[[_AsyncSender, httpx.Request], object]:
    async def handle_async_request(self: _AsyncSender, request: httpx.Request) -> httpx.Response:
        watch = _WATCH.get()
        if watch is None:
            return await inner(self, request)  # type: ignore[misc, no-any-return]
        _prepare(request, watch)
        response: httpx.Response = await inner(self, request)  # type: ignore[misc]
        response.request = request
        try:
            _refuse_redirect(response, watch)
            body = _Body(response, watch)
            async for chunk in response.stream:  # type: ignore[union-attr]
                if not body.add(chunk):
                    break
        finally:
            await response.aclose()
        return _plain(response, body.content())

    handle_async_request.__wrapped__ = inner  # type: ignore[attr-defined]
    return handle_async_request


def _watching(inner: Callable[[_Sender, httpx.Request], httpx.Response]) -> Callable[[_Sender, httpx.Request], httpx.Response]:
    def handle_request(self: _Sender, request: httpx.Request) -> httpx.Response:
        watch = _WATCH.get()
        if watch is None:
            return inner(self, request)
        _prepare(request, watch)
        response = inner(self, request)
        response.request = request
        try:
            _refuse_redirect(response, watch)
            body = _Body(response, watch)
            for chunk in response.stream:  # type: ignore[union-attr]
                if not body.add(chunk):
                    break
        finally:
            response.close()
        return _plain(response, body.content())

    handle_request.__wrapped__ = inner  # type: ignore[attr-defined]
    return handle_request


def _prepare(request: httpx.Request, watch: Watch) -> None:
    if watch.failure is not None:
        raise watch.failure  # a library that tries again after a refusal sends nothing
    watch.n_requests += 1
    request.headers["accept-encoding"] = "gzip, deflate"  # what is counted unpacked below


def _refuse_redirect(response: httpx.Response, watch: Watch) -> None:
    if response.status_code not in _REDIRECTS:
        return
    asked = response.request.url
    target = _target(str(asked), response.headers.get("location"))
    found = f"the server at {_place(str(asked))!r} answered {response.status_code}"
    if target is None:
        msg = f"{found}, a redirect that names no place; nothing was sent on: check --api-base"
    else:
        msg = (
            f"{found}, a redirect to {_place(target)!r}; redirects are never followed, so nothing was sent there: "
            f"if that server is trusted, give its address with --api-base {_base(target)}"
        )
    raise watch.fail(msg, ErrorClass.BAD_REQUEST)


def _target(asked: str, location: str | None) -> str | None:
    if not location:
        return None
    try:
        target = urljoin(asked, location.strip())
        return target if urlsplit(target).hostname and _place(target) else None
    except ValueError:
        return None


def _place(url: str) -> str:
    """Host and port, without user, path and query: those can hold secrets."""
    parts = urlsplit(url)
    host = "".join(char if char.isprintable() and not char.isspace() else "?" for char in (parts.hostname or ""))[:255]
    return host if parts.port is None else f"{host}:{parts.port}"


def _base(url: str) -> str:
    scheme = urlsplit(url).scheme
    return f"{scheme if scheme in {'http', 'https'} else 'https'}://{_place(url)}/..."


def _plain(response: httpx.Response, content: bytes) -> httpx.Response:
    """The response with its bytes at hand and unpacked."""
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _AS_PACKED]
    return httpx.Response(response.status_code, headers=headers, content=content, request=response.request, extensions=response.extensions)
