"""The WebSearch seam: an optional plug-in that looks a question up outside this machine.

Off unless a command names one: ``epm teach --web-search NAME[:ARG]``. A plug-in is a factory under the entry-point group
``epm.web_searches``; it gets the ARG and returns an object like this one.

    class Shop:
        name, version, hosts = "shop", "1", ("api.shop.example",)
        async def search(self, query):
            async with httpx.AsyncClient() as client:
                found = await client.get("https://api.shop.example/search", params={"q": query})
            return [{"url": hit["link"], "title": hit["title"], "text": hit["snippet"]} for hit in found.json()["hits"]]

Every host that it talks to stands in ``hosts``: the egress policy must allow each, and the socket guard refuses all others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from epm.egress import EgressPolicy
from epm.errors import ConfigError
from epm.knowledge.index import KnowledgeEntry

SEARCH_TIMEOUT_S = 20.0
PAGE_AGE_S = 180 * 86_400.0
"""As long as an answer lives that rests on it."""
_WORD = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")


class WebSearch(Protocol):
    """Finds pages. ``name`` and ``version`` are part of a run's identity."""

    name: str
    version: str
    hosts: tuple[str, ...]

    async def search(self, query: str) -> Sequence[Mapping[str, object]]:
        """The pages found, best first: ``url``, ``text`` and perhaps ``title`` of each."""
        ...


WebSearchFactory = Callable[[str | None], WebSearch]
"""Makes a web search from the ARG of ``NAME:ARG`` (``None`` without one); raises ConfigError for a wrong ARG."""


class WebPage(BaseModel):
    """One result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://", max_length=1_000)]
    title: str = ""
    text: str


def require_allowed(search: WebSearch, policy: EgressPolicy) -> None:
    """Nothing, when the policy lets queries go to every host of the search.

    Raises:
        ConfigError: it names no host, or one that is forbidden.
    """
    if not search.hosts:
        raise ConfigError(f"web search {search.name!r} names no host: its 'hosts' must say where queries go")
    for host in search.hosts:
        policy.check_host(host, f"web search {search.name!r}")


def outward_query(query: str, *, question: str, entity: str) -> str:
    """What of a query may leave: the words that stand in the question, else the entity's name.

    A model writes queries after it has read the user's documents, and a hostile one may have told it to send them away.
    """
    allowed = {word.casefold() for word in _WORD.findall(f"{question} {entity}")}
    return " ".join(word for word in _WORD.findall(query) if word.casefold() in allowed) or entity


def page_entry(page: WebPage, *, search: str, text: str, pair_id: str, now_s: float) -> KnowledgeEntry:
    """The page as knowledge of the pair it was found for; ``text`` is what of it may be shown."""
    key = hashlib.sha256(f"{page.url}\0{text}\0{pair_id}".encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return KnowledgeEntry(
        id=f"web-{key}", kind="document", text=text, provenance=page.url, pair_ids=(pair_id,), created_at_s=now_s,
        expires_at_s=now_s + PAGE_AGE_S, metadata={"web_search": search},
    )  # fmt: skip
