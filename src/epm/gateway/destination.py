"""To which host a model's calls go, as far as it can be known before any is sent."""

from __future__ import annotations

from epm.egress import EgressPolicy, host_of
from epm.errors import ConfigError
from epm.gateway.request import ModelSettings

_LOCAL_MODEL = "rules"
_VENDOR_HOSTS = {
    "openai": "api.openai.com", "anthropic": "api.anthropic.com", "gemini": "generativelanguage.googleapis.com", "mistral": "api.mistral.ai",
    "groq": "api.groq.com", "deepseek": "api.deepseek.com", "openrouter": "openrouter.ai", "cohere": "api.cohere.com", "xai": "api.x.ai",
    "together_ai": "api.together.xyz", "fireworks_ai": "api.fireworks.ai", "perplexity": "api.perplexity.ai", "cerebras": "api.cerebras.ai",
    "ollama": "localhost", "ollama_chat": "localhost",
}  # fmt: skip
"""Where litellm sends a provider's calls without an api base. A provider that is not here must be given one."""


def destination(model: ModelSettings) -> str | None:
    """The host that a model's calls go to; empty where they stay in this process, ``None`` where it is not known."""
    if model.cassette is not None or model.name.startswith(_LOCAL_MODEL):
        return ""
    if model.api_base is not None:
        return host_of(model.api_base)
    provider, slash, _ = model.name.partition("/")
    return _VENDOR_HOSTS.get(provider if slash else "openai")


def egress_for(model: ModelSettings, policy: EgressPolicy) -> EgressPolicy:
    """The policy as it binds this model's prompts: none for a model on this machine.

    Raises:
        ConfigError: the model's host may not be reached, or is not known while only some hosts may.
    """
    host = destination(model)
    if host is None:
        if policy.is_local_only or policy.hosts is not None:
            msg = f"where model {model.name!r} is served is not known, and only some hosts may be reached: name its address with --api-base"
            raise ConfigError(msg)
        return policy
    policy.check_host(host, f"model {model.name!r}")
    return policy.for_host(host)
