"""What leaves this machine with a request: to whom it goes, and which parts of a pair stand in its prompt.

Prompts hold foreign text in ``<data name="...">`` blocks of JSON (``epm.prompts.data_fields``). The fields of the listing
blocks are named; of any other block with something in it the name is given, for it may quote listings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from epm.egress import host_of as name_of
from epm.egress import is_local
from epm.gateway.request import ChatRequest, ModelSettings, Transport
from epm.gateway.vendors import address_of, proxy_for

NOT_MARKED = "unmarked-text"
"""Stands for a prompt without any data block: which fields it holds cannot be told."""
_BLOCK = re.compile(r'<data name="([\w.-]+)">\n(.*?)\n</data>', re.DOTALL)
_LISTING_BLOCKS = frozenset({"left", "right", "listing"})
_LISTINGS_BLOCK = "candidates"
_THROUGH = " through "
_TOOL_RESULTS = "tool-results"


def host_of(settings: ModelSettings, provider: str, known_base: str | None) -> str:
    """Where calls of a model go: ``scheme://host:port`` without user, password and path, or ``vendor NAME``; the proxy on the way.

    litellm takes an address from the environment where none is given, so that is looked up as litellm does.
    """
    found = address_of(settings)
    is_moved = found is not None and (settings.api_base or found.variable)
    base = found.url if found is not None and is_moved else known_base
    if not base:
        proxy = None if found is None else proxy_for(found.url)
        return f"vendor {provider}{_via(proxy)}"
    return place_of(base)


def is_here(host: str) -> bool:
    """Whether calls to a recorded host stayed on this machine."""
    base, _, proxy = host.partition(_THROUGH)
    return is_local(name_of(base)) and is_local(name_of(proxy)) and not base.startswith("vendor ")


def _via(proxy: str | None) -> str:
    return "" if not proxy else f"{_THROUGH}{_place(proxy)}"


def place_of(address: str) -> str:
    """An address as it is written down: ``scheme://host:port``, without user, password, path and query; the proxy on the way."""
    return f"{_place(address)}{_via(proxy_for(address))}"


def _place(address: str) -> str:
    parts = urlsplit(address if "://" in address else f"//{address}")
    return f"{parts.scheme or 'http'}://{parts.netloc.rpartition('@')[2]}"


def sent_to(transport: Transport) -> str | None:
    """The host that a transport sends to; ``None`` when it answers on its own (rules, cassettes)."""
    host = getattr(transport, "host", None)
    return None if host is None else str(host)


def sent_fields(request: ChatRequest) -> str:
    """The listing fields and other data blocks of a prompt, sorted, separated by spaces; named attributes count as ``attributes``."""
    return " ".join(sorted(set(_named(request))) or [NOT_MARKED])


def _named(request: ChatRequest) -> Iterator[str]:
    messages = request.body.get("messages")
    for message in messages if isinstance(messages, Sequence) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, str):
            continue
        if message.get("role") == "tool":
            yield _TOOL_RESULTS
        for name, text in _BLOCK.findall(content):
            yield from _in_block(name, text)


def _in_block(name: str, text: str) -> Iterator[str]:
    try:
        value = json.loads(text)
    except ValueError:
        yield name
        return
    if name == _LISTINGS_BLOCK and isinstance(value, list):
        for one in value:
            yield from _in_value("listing", one.get("listing") if isinstance(one, Mapping) else one)
    else:
        yield from _in_value(name, value)


def _in_value(name: str, value: object) -> Iterator[str]:
    if name in _LISTING_BLOCKS and isinstance(value, Mapping):
        yield from ("attributes" if field.startswith("attributes.") else field for field in value)
    elif value:
        yield name
