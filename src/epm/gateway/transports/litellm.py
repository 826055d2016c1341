"""The ``litellm`` transport: any vendor or OpenAI-compatible server, one physical HTTP request for each ``send``.

litellm's own retries, caches and callbacks stay off: the gateway owns them. Token counts are copied as integers before
anything else sees the reply.
"""

from __future__ import annotations

import copy
import gc
import logging
import os
import time
import warnings
from collections.abc import Mapping
from functools import cache
from types import ModuleType

from epm.errors import ConfigError
from epm.gateway.access import find_access
from epm.gateway.completion import estimated_usage, impossible_count, plain_body, usage_of
from epm.gateway.request import ChatReply, ChatRequest, ModelSettings, Usage
from epm.gateway.sent import host_of
from epm.gateway.tokens import reply_tokens
from epm.gateway.transports.model_error import to_model_error
from epm.gateway.transports.wire import Watch, install, most_reply_bytes, watched
from epm.library_settings import read_dotenv

_LOG = logging.getLogger(__name__)
_TOKENS_PER_PRICE = 1_000_000
_OVERPRICED = 2
"""Writing to a vendor's cache costs up to twice the plain price."""
_DEAREST_USD = 1_000
"""No listed model costs more for a million tokens (the dearest in litellm's table: 600, o1-pro)."""
_UNWATCHED = "aiohttp_openai"
"""litellm's one route that is no httpx transport."""
CONNECT_TIMEOUT_S = 8.0
"""Four tries to open a connection: the kernel repeats the first packet after 1, 3 and 7 s."""
_EFFORT = "reasoning_effort"
_TEMPERATURE = "temperature"
_CACHE = "cache"
"""litellm notes a cache among its callbacks, also one that it makes for itself; it hears nothing of a call without caching."""
_KEY_SUFFIX = "API_KEY"
_UNSENT_CALL = r"coroutine '.*acompletion' was never awaited"


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
        if self._vendor()[0] == _UNWATCHED:
            raise ConfigError(f"model {settings.name!r} would go past epm's bounds on redirects and replies: name it openai/... instead")
        _refuse_callbacks(self._litellm)
        if self._access.arguments["api_key"] is None:
            _require_vendor_key(self._litellm, settings.name)
        version = f" {settings.api_version}" if settings.api_version else ""
        self.identity = f"litellm {settings.api_base or 'at the vendor'}{version}"
        self.host = host_of(settings, *self._vendor())
        self._takes: dict[object, bool] = {}
        self._has_said_lie = False

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
        with watched(most_reply_bytes(reply_tokens(request.body) or self._settings.max_tokens), timeout_s=timeout_s) as watch:
            try:
                answered = await self._litellm.acompletion(
                    **copy.deepcopy(sent), **options, **self._access.arguments, api_base=self._settings.api_base,
                    num_retries=0, max_retries=0, timeout=_bounds(timeout_s),
                )  # fmt: skip
            except Exception as error:  # noqa: BLE001  # the boundary to litellm; the original may hold the key
                raise to_model_error(error, self._settings, self._access.secret, watch) from None
        latency_s = time.perf_counter() - start
        body = plain_body(answered.model_dump())
        usage = self._usage(body, request, watch)
        listed_usd = (getattr(answered, "_hidden_params", None) or {}).get("response_cost")
        return ChatReply(body, usage, str(body.get("model")), latency_s, self._cost_usd(usage, listed_usd))

    def _usage(self, body: Mapping[str, object], request: ChatRequest, watch: Watch) -> Usage:
        """The counts that the server reported, or estimates in place of impossible ones, which is said once."""
        lie = watch.odd_count or impossible_count(body, request)
        if lie is None:
            return usage_of(body, request)
        usage = estimated_usage(request, body)
        if not self._has_said_lie:
            self._has_said_lie = True
            _LOG.warning(
                "the server at %s reported %s, which cannot be; %d tokens in and %d out were booked instead, estimated, "
                "and so is every such reply from now on: check the server's token counts",
                self.host, lie, usage.prompt_tokens, usage.completion_tokens,
            )  # fmt: skip
        return usage

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
        table_usd = self._table_usd(usage)
        if usage.is_estimated or listed_usd is None:
            return table_usd
        # servers can state a cost themselves, in a header or beside the counts, and counts of what they kept
        n_tokens = usage.prompt_tokens + usage.completion_tokens
        most_usd = n_tokens * _DEAREST_USD / _TOKENS_PER_PRICE if not table_usd else table_usd * _OVERPRICED
        return listed_usd if 0 <= listed_usd <= most_usd else table_usd

    def _table_usd(self, usage: Usage) -> float | None:
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


def _bounds(timeout_s: float) -> object:
    """The deadline of one request, with a bound of its own for connecting: only the vendors' clients that know it heed that."""
    import httpx

    return httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s / 2))


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
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

    litellm.suppress_debug_info = True  # it prints advice to stdout on errors
    litellm.telemetry = False
    install(LiteLLMAiohttpTransport)
    # a call cancelled while litellm prepares it in a thread leaves a coroutine nobody can await any more; nothing was sent
    warnings.filterwarnings("ignore", _UNSENT_CALL, RuntimeWarning)
    # its million objects stay for good: searched for garbage again and again, they would hold up every call in flight
    gc.collect()
    gc.freeze()
    return litellm
