"""One limiter for each account: gateways that share a provider, an address and a key share what the server allows."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from epm.gateway.limiter import Limiter
from epm.gateway.request import ModelSettings

_Account = tuple[str, str | None, str | None, str | None]

_limiters: WeakValueDictionary[_Account, Limiter] = WeakValueDictionary()
_lock = threading.Lock()


def limiter_of(model: ModelSettings, *, concurrency: int) -> Limiter:
    """The limiter of the model's account, new or shared with the gateways that are in use in this process.

    Of several concurrencies the largest holds, of several caps the smallest.
    """
    provider, slash, _ = model.name.partition("/")
    # a bare name is OpenAI's for litellm
    account = (provider if slash else "openai", model.api_base, model.api_key_env, model.azure_ad_token_env)
    with _lock:
        limiter = _limiters.get(account)
        if limiter is None:
            limiter = _limiters[account] = Limiter(concurrency, rpm=model.rpm, tpm=model.tpm)
        else:
            limiter.share(concurrency, rpm=model.rpm, tpm=model.tpm)
        return limiter
