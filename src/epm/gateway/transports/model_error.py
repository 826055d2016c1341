"""What litellm raised, as a ``ModelError`` with its class: the taxonomy of failures, by the names of its exceptions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from epm.errors import EgressError, ErrorClass, ModelError
from epm.gateway.request import ModelSettings
from epm.gateway.retry_after import retry_after_s
from epm.gateway.secrets import without_secrets
from epm.gateway.transports.failure_causes import headers_of, is_out_of_credit, is_unsent
from epm.gateway.transports.wire import Watch
from epm.socket_guard import refusal_in

_WAY_OUT = "is that the server, a proxy, or an address in the environment or a redirect? Name the server with --api-base, set NO_PROXY, or change the rule"
_MESSAGE_CHARS = 300
_SCANNED_CHARS = 4_000
"""Of an error's text, before keys are looked for in it."""
_UNSENT_CLASSES = frozenset({ErrorClass.CONNECTION})
_MISSING_KEY = re.compile(r"\bmissing (?:credentials|[\w ]*api key)", re.IGNORECASE)
"""litellm raises a missing key under other names, by vendor: an internal error, a broken connection, or no class of its own."""
_CLASS_OF_EXCEPTION = {
    "AuthenticationError": ErrorClass.AUTH,
    "PermissionDeniedError": ErrorClass.AUTH,
    "RateLimitError": ErrorClass.RATE_LIMITED,
    "Timeout": ErrorClass.TIMEOUT,
    "ServiceUnavailableError": ErrorClass.OVERLOADED,
    "BadGatewayError": ErrorClass.OVERLOADED,
    "InternalServerError": ErrorClass.OVERLOADED,
    "APIConnectionError": ErrorClass.CONNECTION,
    "ContextWindowExceededError": ErrorClass.CONTEXT_TOO_LONG,
    "ContentPolicyViolationError": ErrorClass.CONTENT_FILTER,
    "UnsupportedParamsError": ErrorClass.UNSUPPORTED,
    "APIResponseValidationError": ErrorClass.INVALID_STRUCTURE,
    "BadRequestError": ErrorClass.BAD_REQUEST,
    "NotFoundError": ErrorClass.BAD_REQUEST,
    "UnprocessableEntityError": ErrorClass.BAD_REQUEST,
}
"""By class name, most derived first along the MRO, so that litellm need not be imported to state it."""


def to_model_error(error: Exception, settings: ModelSettings, secret: str | None, watch: Watch | None = None) -> ModelError:
    """What litellm raised, with its class and without the secret; what the wire refused comes first, for libraries rename it.

    Raises:
        EgressError: it stems from a socket that the egress policy refused; litellm calls that a broken connection.
    """
    refusal = refusal_in(error)
    if refusal is not None:
        raise EgressError(f"model {settings.name!r}: {refusal}; {_WAY_OUT}") from None
    if watch is not None and watch.failure is not None:
        return ModelError(f"model {settings.name!r}: {watch.failure}", watch.failure.error_class)
    text = without_secrets(" ".join(str(error)[:_SCANNED_CHARS].split()), secret)[:_MESSAGE_CHARS]
    where = f" at {settings.api_base!r}" if settings.api_base else ""
    found = class_of(error)
    return ModelError(
        f"model {settings.name!r}{where}: {text}", found, retry_after_s=_retry_after_s(error),
        is_unsent=found in _UNSENT_CLASSES and is_unsent(error),
    )  # fmt: skip


def class_of(error: Exception) -> ErrorClass:
    """The taxonomy entry of an exception that litellm raised; ``bug`` for one it does not document."""
    names = [base.__name__ for base in type(error).__mro__]
    if is_out_of_credit(error) or _is_shut_out(error):
        return ErrorClass.NO_CREDIT if is_out_of_credit(error) else ErrorClass.AUTH
    found = next((_CLASS_OF_EXCEPTION[name] for name in names if name in _CLASS_OF_EXCEPTION), None)
    if found is None:
        status = getattr(error, "status_code", None)
        if not isinstance(status, int):
            return ErrorClass.BUG
        return ErrorClass.OVERLOADED if status >= 500 else ErrorClass.BAD_REQUEST  # noqa: PLR2004  # HTTP's own border
    # litellm's name for a connection that broke before a whole answer came
    is_broken = found is ErrorClass.OVERLOADED and "InternalServerError" in names and _headers(error) is None
    if is_broken or (found is ErrorClass.TIMEOUT and is_unsent(error)):
        return ErrorClass.CONNECTION
    if found is ErrorClass.BAD_REQUEST and getattr(error, "code", None) == "content_filter":
        return ErrorClass.CONTENT_FILTER
    return found


def _is_shut_out(error: Exception) -> bool:
    """Whether there is no key: waiting does not help."""
    return _headers(error) is None and _MISSING_KEY.search(str(error)) is not None


def _headers(error: Exception) -> Mapping[str, str] | None:
    headers = getattr(error, "litellm_response_headers", None)
    return headers if isinstance(headers, Mapping) else None


def _retry_after_s(error: Exception) -> float | None:
    return retry_after_s(headers_of(error))
