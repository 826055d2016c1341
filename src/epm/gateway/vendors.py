"""Where litellm sends a model's calls: the address given, else the vendor's variables in the environment, else the vendor's own.

``tests/integration/test_vendors.py`` holds this table against litellm itself.
"""

from __future__ import annotations

import os
import re
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from epm.egress import host_of
from epm.gateway.request import ModelSettings

_OPENAI = "openai"
_OPENAI_NAME = re.compile(r"(ft:)?(gpt-|chatgpt-|o\d)")
"""Names without a vendor that are OpenAI's; litellm knows others of other vendors, too many to list."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's own address (``None``: each customer has one), and the variables that move it; the first that is set holds."""

    address: str | None
    variables: tuple[str, ...]


VENDORS = {
    _OPENAI: Vendor("https://api.openai.com/v1", ("OPENAI_BASE_URL", "OPENAI_API_BASE")),
    "azure": Vendor(None, ("AZURE_API_BASE",)),
    "anthropic": Vendor("https://api.anthropic.com", ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")),
    "gemini": Vendor("https://generativelanguage.googleapis.com", ("GEMINI_API_BASE",)),
    "mistral": Vendor("https://api.mistral.ai/v1", ("MISTRAL_AZURE_API_BASE",)),
    "groq": Vendor("https://api.groq.com/openai/v1", ("GROQ_API_BASE",)),
    "deepseek": Vendor("https://api.deepseek.com/beta", ("DEEPSEEK_API_BASE",)),
    "openrouter": Vendor("https://openrouter.ai/api/v1", ("OPENROUTER_API_BASE",)),
    "cohere": Vendor("https://api.cohere.com/v2/chat", ("COHERE_API_BASE",)),
    "xai": Vendor("https://api.x.ai/v1", ("XAI_API_BASE",)),
    "together_ai": Vendor("https://api.together.ai/v1", ("TOGETHER_AI_API_BASE",)),
    "fireworks_ai": Vendor("https://api.fireworks.ai/inference/v1", ("FIREWORKS_API_BASE",)),
    "perplexity": Vendor("https://api.perplexity.ai", ("PERPLEXITY_API_BASE",)),
    "cerebras": Vendor("https://api.cerebras.ai/v1", ("CEREBRAS_API_BASE",)),
    "ollama": Vendor("http://localhost:11434", ("OLLAMA_API_BASE",)),
    "ollama_chat": Vendor("http://localhost:11434", ("OLLAMA_API_BASE",)),
}
"""A provider that is not here must be given its address where only some hosts may be reached."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address, and the variable that it was taken from, if it was."""

    url: str
    variable: str | None = None


def address_of(model: ModelSettings) -> Address | None:
    """Where a model's calls are addressed to; ``None`` where it is not known."""
    if model.api_base:
        return Address(model.api_base)
    name, slash, _ = model.name.partition("/")
    if not slash:
        name = _OPENAI if _OPENAI_NAME.match(model.name) else ""
    vendor = VENDORS.get(name)
    if vendor is None:
        return None
    found = next((Address(value, variable) for variable in vendor.variables if (value := os.environ.get(variable))), None)
    return found or (None if vendor.address is None else Address(vendor.address))


def proxy_for(url: str) -> str | None:
    """The proxy that calls to an address pass through: environment or system settings, read as litellm reads them."""
    host = host_of(url)
    if urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(urlsplit(url).scheme) or proxies.get("all")
