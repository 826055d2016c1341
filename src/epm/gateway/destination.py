"""To which host a model's calls go, and through which proxy, as far as it can be known before any is sent."""

from __future__ import annotations

from epm.egress import EgressPolicy, host_of, is_local
from epm.errors import ConfigError
from epm.gateway.request import ModelSettings
from epm.gateway.vendors import address_of, proxy_for
from epm.library_settings import read_dotenv

_LOCAL_MODEL = "rules"


def egress_for(model: ModelSettings, policy: EgressPolicy) -> EgressPolicy:
    """The policy as it binds this model's prompts: none for a model on this machine, unless a proxy elsewhere sees them.

    Raises:
        ConfigError: the model's host, or the proxy on the way, may not be reached, or is not known while only some hosts may.
    """
    if model.cassette is not None or model.name == _LOCAL_MODEL:
        return policy.for_host("")
    if model.api_base is None and policy.fields is not None:
        read_dotenv()  # what moves a model's address may stand there
    address = address_of(model)
    if address is None:
        if policy.is_local_only or policy.hosts is not None:
            msg = f"where model {model.name!r} is served is not known, and only some hosts may be reached: name its address with --api-base"
            raise ConfigError(msg)
        return policy
    host = host_of(address.url)
    policy.check_host(host, f"model {model.name!r}{'' if address.variable is None else f', by {address.variable} of the environment,'}")
    proxy = proxy_for(address.url)
    if proxy is None:
        return policy.for_host(host)
    relay = host_of(proxy)
    policy.check_host(relay, f"the proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, without NO_PROXY for {host!r})")
    return policy.for_host(relay if is_local(host) else host)
