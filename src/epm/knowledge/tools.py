"""The research tools, as langchain tools over a KnowledgeIndex: rival listings, past answers, the user's documents, and the web.

The tools read who is asking from the graph's context, so they are made once and a model cannot choose whose answers it
sees. They are coroutines so that every index is only used from the event loop's thread. Results are rows of ``id``, ``text``,
``from`` and ``age_months``, passed through the context's ``show``: found text is data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from langchain_core.tools import tool
from langgraph.runtime import get_runtime
from pydantic import BaseModel, ConfigDict, Field

from epm.errors import ConfigError
from epm.knowledge.index import KnowledgeEntry, KnowledgeHit, KnowledgeIndex
from epm.knowledge.web_search import SEARCH_TIMEOUT_S, WebPage, WebSearch, outward_query, page_entry

RESULTS_PER_SEARCH = 4
_FIND_RIVALS = "Find other sellers' listings in the same catalogue. Query with brand, model and other words that name the product."
_PAST_ANSWERS = "Find answers researched earlier about the same product and attribute. Query with the question's own words."
_SEARCH_DOCUMENTS = "Search the user's own documents: manuals, data sheets, price lists. Query with the words that name the product."
_SEARCH_WEB = "Search the web, where the catalogue and the documents do not say. Query with words of the question; others are left out."
"""What a model is told of each tool; no docstrings, which ``python -OO`` strips."""


class SearchQuery(BaseModel):
    """What a model may choose."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=300, description="a few words that name the product")


@dataclass(frozen=True, slots=True)
class SearchContext:
    """On whose behalf the tools search.

    ``own_ids`` and ``own_texts`` are the two listings being compared: never found, nor a catalogue's copy of one that only
    differs in its fields. ``product`` is what the question calls the product that ``entity`` is the key of. ``clean`` and ``show`` make found text and rows safe to show to a model. ``pages`` collects what the web search found.
    """

    index: KnowledgeIndex
    clean: Callable[[str], str]
    show: Callable[[Sequence[Mapping[str, object]]], str]
    now_s: float
    pair_id: str
    own_ids: frozenset[str]
    own_texts: frozenset[str]
    entity: str
    attribute: str
    product: str
    asked: str
    web: WebSearch | None
    pages: dict[str, KnowledgeEntry]


@tool(args_schema=SearchQuery, description=_FIND_RIVALS)
async def find_rivals(query: str) -> str:
    """Rows of other sellers' listings."""
    context = get_runtime(SearchContext).context
    hits = context.index.query(
        query, kind="listing", top_k=RESULTS_PER_SEARCH + 2 * len(context.own_ids), now_s=context.now_s, exclude_pair_id=context.pair_id
    )
    return _shown(
        [hit for hit in hits if hit.entry.id not in context.own_ids and hit.entry.text not in context.own_texts][:RESULTS_PER_SEARCH],
        context,
    )


@tool(args_schema=SearchQuery, description=_PAST_ANSWERS)
async def past_answers(query: str) -> str:
    """Rows of answers to the same question about the same product."""
    context = get_runtime(SearchContext).context
    hits = context.index.query(
        query, kind="answer", top_k=RESULTS_PER_SEARCH, now_s=context.now_s, exclude_pair_id=context.pair_id,
        entity=context.entity, attribute=context.attribute,
    )  # fmt: skip
    return _shown(hits, context)


@tool(args_schema=SearchQuery, description=_SEARCH_DOCUMENTS)
async def search_documents(query: str) -> str:
    """Rows of the user's documents."""
    context = get_runtime(SearchContext).context
    hits = context.index.query(query, kind="document", top_k=RESULTS_PER_SEARCH, now_s=context.now_s, exclude_pair_id=context.pair_id)
    return _shown(hits, context)


@tool(args_schema=SearchQuery, description=_SEARCH_WEB)
async def search_web(query: str) -> str:
    """Rows of web pages, which are kept as evidence."""
    context = get_runtime(SearchContext).context
    if context.web is None:
        raise ConfigError("no web search is configured")
    async with asyncio.timeout(SEARCH_TIMEOUT_S):
        found = await context.web.search(outward_query(query, question=context.asked, entity=context.product))
    pages = [WebPage.model_validate(page) for page in found[:RESULTS_PER_SEARCH]]
    entries = [
        page_entry(
            page, search=context.web.name, text=context.clean(f"{page.title}\n{page.text}".strip()), pair_id=context.pair_id, now_s=context.now_s
        )
        for page in pages
    ]  # fmt: skip
    context.pages.update({entry.id: entry for entry in entries})
    return _shown([KnowledgeHit(entry, 1.0) for entry in entries], context)


TOOLS = (find_rivals, past_answers, search_documents)
WEB_TOOLS = (*TOOLS, search_web)


def age_months(entry: KnowledgeEntry, now_s: float) -> int:
    """The age of an entry in whole months of 30 days: finer steps would ask the model anew each day, for the same answer."""
    return max(0, int((now_s - entry.created_at_s) // (30 * 86_400.0)))


def _source(entry: KnowledgeEntry) -> str:
    """Where an entry comes from; of a rival not its file, whose hash would tell a model, and a kept reply, of the file's labels."""
    return "catalogue" if entry.kind == "listing" else entry.provenance


def _shown(hits: list[KnowledgeHit], context: SearchContext) -> str:
    return context.show([
        {"id": hit.entry.id, "text": hit.entry.text, "from": _source(hit.entry), "age_months": age_months(hit.entry, context.now_s)}
        for hit in hits
    ])  # fmt: skip
