"""The ``litellm`` transport: any vendor or OpenAI-compatible server, one physical HTTP request for each ``send``.

litellm's own retries, caches and callbacks stay off: the gateway owns them. Token counts are copied as integers before
anything else sees the reply.
"""

from __future__ import annotations

import copy
import gc
import logging
import os
import re
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType

from epm.errors import ConfigError, EgressError, ErrorClass, ModelError
from epm.gateway.access import find_access
from epm.gateway.completion import usage_of
from epm.gateway.request import ChatReply, ChatRequest, ModelSettings, Usage
from epm.gateway.secrets import without_secrets
from epm.gateway.sent import host_of
from epm.library_settings import read_dotenv
from epm.socket_guard import refusal_in

_LOG = logging.getLogger(__name__)
_WAY_OUT = "is that the server, a proxy, or an address in the environment or a redirect? Name the server with --api-base, set NO_PROXY, or change the rule"
_TOKENS_PER_PRICE = 1_000_000
_MESSAGE_CHARS = 300
_EFFORT = "reasoning_effort"
_TEMPERATURE = "temperature"
_CACHE = "cache"
"""litellm notes a cache among its callbacks, also one that it makes for itself; it hears nothing of a call without caching."""
_KEY_SUFFIX = "API_KEY"
_MISSING_KEY = re.compile(r"\bmissing (?:credentials|[\w ]*api key)", re.IGNORECASE)
"""litellm raises a missing key under other names, by vendor: an internal error, a broken connection, or no class of its own."""
_UNSENT_CALL = r"coroutine '.*acompletion' was never awaited"
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


class LitellmTransport:
    """Sends chat bodies with ``litellm.acompletion``.

    A temperature that litellm knows the model to refuse (models that think unseen take 1 alone) is left out of what is sent,
    which is said once. Prices in ``ModelSettings`` are USD for a million tokens and override litellm's table; without either, the cost of
    a call is unknown (``None``).

    Raises:
        ConfigError: the variable that is to hold the key or token is not set, or an Azure setting is missing or misplaced.
    """

    name = "litellm"

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._access = find_access(settings)
        self._litellm = load_litellm()  # here, so that seconds of importing are on no call's deadline
        _refuse_callbacks(self._litellm)
        if self._access.arguments["api_key"] is None:
            _require_vendor_key(self._litellm, settings.name)
        version = f" {settings.api_version}" if settings.api_version else ""
        self.identity = f"litellm {settings.api_base or 'at the vendor'}{version}"
        self.host = host_of(settings, *self._vendor())
        self._takes: dict[object, bool] = {}

    @property
    def takes_effort(self) -> bool:
        """Whether a reasoning effort is passed on to the model: also where litellm does not know it, so that its server says."""
        vendor, _ = self._vendor()
        try:
            known: list[str] | None = self._litellm.get_supported_openai_params(
                model=self._settings.name.removeprefix(f"{vendor}/"), custom_llm_provider=vendor
            )
        except Exception:  # noqa: BLE001  # litellm raises bare exceptions for vendors it does not know
            return True
        return known is None or _EFFORT in known or self._is_deployment()

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        """The reply, from exactly one request.

        Raises:
            ModelError: with the class of the failure; secrets are cut out of the message.
            EgressError: the egress policy stopped it at the socket, so that nothing was sent.
        """
        options: dict[str, object] = {}
        if "tools" in request.body:
            options["_skip_mcp_handler"] = True  # without the mcp package litellm fails on tools
        if _EFFORT in request.body and self._is_deployment():
            options["allowed_openai_params"] = [_EFFORT]  # else litellm refuses it for a model whose name it does not know
        options["caching"] = False  # else a cache that the program gave litellm, which may be elsewhere, would keep it
        options["no-log"] = True  # for callbacks that a program adds later; those of before are refused
        sent = {name: value for name, value in request.body.items() if name != _TEMPERATURE or self.takes_temperature(value)}
        start = time.perf_counter()
        try:
            answered = await self._litellm.acompletion(
                **copy.deepcopy(sent), **options, **self._access.arguments, api_base=self._settings.api_base,
                num_retries=0, max_retries=0, timeout=timeout_s,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001  # the boundary to litellm; the original may hold the key
            raise to_model_error(error, self._settings, self._access.secret) from None
        latency_s = time.perf_counter() - start
        body = plain_body(answered.model_dump())
        usage = usage_of(body, request)
        listed_usd = (getattr(answered, "_hidden_params", None) or {}).get("response_cost")
        return ChatReply(body, usage, str(body.get("model")), latency_s, self._cost_usd(usage, listed_usd))

    def takes_temperature(self, temperature: object) -> bool:
        """Whether the model may be asked at this temperature, as far as litellm knows."""
        if temperature not in self._takes:
            vendor, _ = self._vendor()
            self._takes[temperature] = is_temperature_taken(
                self._litellm, self._settings.name.removeprefix(f"{vendor}/"), vendor, temperature
            )
            if not self._takes[temperature]:
                _LOG.warning(
                    "model %r takes no temperature %s: it is left out, and the model's own holds", self._settings.name, temperature
                )
        return self._takes[temperature]

    def _vendor(self) -> tuple[str, str | None]:
        """The vendor's name as litellm reads it off the model's, and its address where litellm states one."""
        try:
            _, provider, _, base = self._litellm.get_llm_provider(self._settings.name, api_base=self._settings.api_base)
        except Exception:  # noqa: BLE001  # litellm knows no vendor: the first call will say so
            return self._settings.name.partition("/")[0], None
        return str(provider), base

    def _is_deployment(self) -> bool:
        """Whether the model's name is one that the user gave it, of which litellm knows nothing."""
        return self._vendor()[0] == "azure"

    def _cost_usd(self, usage: Usage, listed_usd: float | None) -> float | None:
        price_in, price_out = self._settings.price_in_usd, self._settings.price_out_usd
        if price_in is not None and price_out is not None:
            return (usage.prompt_tokens * price_in + usage.completion_tokens * price_out) / _TOKENS_PER_PRICE
        if not usage.is_estimated:
            return listed_usd
        try:
            parts: tuple[float, float] = self._litellm.cost_per_token(
                model=self._settings.name, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens
            )
        except Exception:  # noqa: BLE001  # litellm raises bare exceptions for models it has no price for
            return None
        return sum(parts)


def is_temperature_taken(litellm: ModuleType, model: str, vendor: str, temperature: object) -> bool:
    """Whether litellm would pass a temperature on to a vendor's model; true for models it does not know."""
    try:
        litellm.get_optional_params(model=model, custom_llm_provider=vendor, temperature=temperature)
    except litellm.UnsupportedParamsError:
        return False
    except Exception:  # noqa: BLE001  # what else is wrong with the model, the call itself will say
        return True
    return True


def to_model_error(error: Exception, settings: ModelSettings, secret: str | None) -> ModelError:
    """What litellm raised, with its class and without the secret.

    Raises:
        EgressError: it stems from a socket that the egress policy refused; litellm calls that a broken connection.
    """
    refusal = refusal_in(error)
    if refusal is not None:
        raise EgressError(f"model {settings.name!r}: {refusal}; {_WAY_OUT}") from None
    text = without_secrets(" ".join(str(error).split()), secret)[:_MESSAGE_CHARS]
    where = f" at {settings.api_base!r}" if settings.api_base else ""
    return ModelError(f"model {settings.name!r}{where}: {text}", class_of(error), retry_after_s=_retry_after_s(error))


def class_of(error: Exception) -> ErrorClass:
    """The taxonomy entry of an exception that litellm raised; ``bug`` for one it does not document."""
    names = [base.__name__ for base in type(error).__mro__]
    if _is_shut_out(error, names):
        return ErrorClass.AUTH
    found = next((_CLASS_OF_EXCEPTION[name] for name in names if name in _CLASS_OF_EXCEPTION), None)
    if found is None:
        status = getattr(error, "status_code", None)
        if not isinstance(status, int):
            return ErrorClass.BUG
        return ErrorClass.OVERLOADED if status >= 500 else ErrorClass.BAD_REQUEST  # noqa: PLR2004  # HTTP's own border
    if found is ErrorClass.OVERLOADED and "InternalServerError" in names and _headers(error) is None:
        return ErrorClass.CONNECTION  # litellm's name for a connection that broke before a whole answer came
    if found is ErrorClass.BAD_REQUEST and getattr(error, "code", None) == "content_filter":
        return ErrorClass.CONTENT_FILTER
    return found


def _is_shut_out(error: Exception, names: Sequence[str]) -> bool:
    """Whether there is no key, or no money left on the account: waiting does not help."""
    if "RateLimitError" in names:
        return "current quota" in str(error)
    return _headers(error) is None and _MISSING_KEY.search(str(error)) is not None


def _headers(error: Exception) -> Mapping[str, str] | None:
    headers = getattr(error, "litellm_response_headers", None)
    return headers if isinstance(headers, Mapping) else None


def _retry_after_s(error: Exception) -> float | None:
    value = (_headers(error) or {}).get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdigit() else None


def plain_body(dumped: Mapping[str, object]) -> dict[str, object]:
    """A completion without what vendors and litellm add to it."""
    choices = dumped.get("choices")
    plain = [_plain_choice(choice) for choice in choices] if isinstance(choices, list) else []
    return {name: dumped.get(name) for name in ("id", "object", "created", "model", "usage")} | {"choices": plain}


def _plain_choice(choice: Mapping[str, object]) -> dict[str, object]:
    dumped = choice.get("message")
    message = dict(dumped) if isinstance(dumped, Mapping) else {}
    vendor = message.pop("provider_specific_fields", None)
    refusal = vendor.get("refusal") if isinstance(vendor, Mapping) else None
    kept = {name: value for name, value in message.items() if value is not None} | ({"refusal": refusal} if refusal else {})
    if isinstance(kept.get("content"), str):  # half a surrogate pair could not be sent back for repair, nor kept
        kept["content"] = kept["content"].encode("utf-8", "backslashreplace").decode("utf-8")
    return {"index": choice.get("index"), "finish_reason": choice.get("finish_reason"), "message": {"content": None, **kept}}


def _require_vendor_key(litellm: ModuleType, model: str) -> None:
    """Refuse a model whose vendor takes a plain key that is not there; other ways to log in are left to the vendor's client."""
    missing: list[str] = litellm.validate_environment(model)["missing_keys"]
    if not missing or not all(name.endswith(_KEY_SUFFIX) for name in missing):
        return
    # a vendor may also take a token or a login file: any variable of that vendor speaks for one
    vendors = tuple(name.removesuffix(_KEY_SUFFIX) for name in missing)
    if any(name.startswith(vendors) for name, value in os.environ.items() if value):
        return
    raise ConfigError(
        f"model {model!r} needs a key: set the environment variable {' or '.join(missing)}, name another with --api-key-env (api_key_env), "
        "or give the address of a server that needs none with --api-base (api_base)"
    )


def _refuse_callbacks(litellm: ModuleType) -> None:
    """Refuse a process whose own callbacks of litellm would hear our prompts: litellm has no way to leave one call out."""
    lists = ("callbacks", "input_callback", "success_callback", "failure_callback")
    found = [str(one) if isinstance(one, str) else type(one).__name__ for name in lists for one in getattr(litellm, name) if one != _CACHE]
    if found:
        raise ConfigError(
            f"litellm of this process reports every call to {', '.join(dict.fromkeys(found))}, which would get the prompts too: "
            f"empty {', '.join(f'litellm.{name}' for name in lists)} first, or run epm in a process of its own"
        )


@cache
def load_litellm() -> ModuleType:
    """The library, silenced; importing it takes seconds. Keys and addresses in a ``.env`` are in the environment then."""
    read_dotenv()
    import litellm

    litellm.suppress_debug_info = True  # it prints advice to stdout on errors
    litellm.telemetry = False
    # a call cancelled while litellm prepares it in a thread leaves a coroutine nobody can await any more; nothing was sent
    warnings.filterwarnings("ignore", _UNSENT_CALL, RuntimeWarning)
    # its million objects stay for good: searched for garbage again and again, they would hold up every call in flight
    gc.collect()
    gc.freeze()
    return litellm
