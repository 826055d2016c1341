"""What lies beneath an exception of a vendor's client: whether anything was sent, and whether the account's money is spent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_UNSENT = frozenset(
    {
        "ConnectError", "ConnectTimeout", "ConnectionRefusedError", "PoolTimeout", "ProxyError", "gaierror",
        "ClientConnectorError", "ClientConnectorCertificateError", "ClientHttpProxyError", "ConnectionTimeoutError", "UnsupportedProtocol",
    }
)  # fmt: skip
"""Names of httpx, httpcore, aiohttp and the socket for a connection that was never made, its TLS handshake included."""
_SENT = frozenset(
    {
        "ClientOSError", "ClientPayloadError", "ServerDisconnectedError", "SocketTimeoutError", "ReadError", "ReadTimeout", "RemoteProtocolError",
        "WriteError", "WriteTimeout", "HTTPStatusError",
    }
)  # fmt: skip
"""A request had left, if only on an earlier connection that the client tried first: it may have been billed. litellm raises httpx's
``ConnectError`` for aiohttp's plain ``ClientOSError`` too, which is a connection that broke under a request."""
_NO_CREDIT = re.compile(
    r"insufficient[ _](?:quota|balance|credits?|funds)|credit balance is too low|current quota|billing[ _]hard[ _]limit|"
    r"requires more credits|out of credits|payment required",
    re.IGNORECASE,
)
"""OpenAI, DeepSeek, OpenRouter, Anthropic and xAI; Google says "current quota" of a minute's limit too, see below."""
_MINUTE_QUOTA = "RESOURCE_EXHAUSTED"
_PAYMENT_REQUIRED = 402
_REFUSALS = frozenset({400, 403, 429})


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it stems from, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [cause for cause in (found.__cause__, found.__context__) if cause is not None]
        waiting += found.exceptions if isinstance(found, BaseExceptionGroup) else ()


def is_unsent(error: BaseException) -> bool:
    """Whether no connection was made, so that the server saw nothing and bills nothing."""
    names = {type(cause).__name__ for cause in causes(error)}
    inherited = {base.__name__ for cause in causes(error) for base in type(cause).__mro__}
    return not names & _SENT and bool(inherited & _UNSENT)


def is_out_of_credit(error: BaseException) -> bool:
    """Whether the provider says that the account has no money left: neither waiting nor another request helps."""
    statuses = {status for cause in causes(error) if isinstance(status := getattr(cause, "status_code", None), int)}
    if _PAYMENT_REQUIRED in statuses:
        return True
    text = " ".join(f"{cause} {getattr(cause, 'code', '')}" for cause in causes(error))
    found = _NO_CREDIT.search(text) if statuses & _REFUSALS else None
    return found is not None and not (found[0].lower() == "current quota" and _MINUTE_QUOTA in text)


def headers_of(error: BaseException) -> Mapping[str, str]:
    """The headers of the answer: litellm's copy of them, else those of the response beneath."""
    for cause in causes(error):
        for headers in (getattr(cause, "litellm_response_headers", None), getattr(getattr(cause, "response", None), "headers", None)):
            if isinstance(headers, Mapping) and headers:
                return headers
    return {}
