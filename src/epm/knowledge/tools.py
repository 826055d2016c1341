"""The research tools, as langchain tools over a KnowledgeIndex: rival listings, past answers, the user's documents.

The tools read who is asking from the graph's context, so they are made once and a model cannot choose whose answers it
sees. They are coroutines so that every index is only used from the event loop's thread. Results are JSON of ``id`` and ``text``, passed through the context's ``clean``: found text is data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.tools import tool
from langgraph.runtime import get_runtime
from pydantic import BaseModel, ConfigDict, Field

from epm.knowledge.index import KnowledgeHit, KnowledgeIndex

RESULTS_PER_SEARCH = 4


class SearchQuery(BaseModel):
    """What a model may choose."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=300, description="a few words that name the product")


@dataclass(frozen=True, slots=True)
class SearchContext:
    """On whose behalf the tools search. ``own_ids`` are the entries of the two listings being compared: never found.

    ``clean`` makes found text safe to show to a model.
    """

    index: KnowledgeIndex
    clean: Callable[[str], str]
    now_s: float
    pair_id: str
    own_ids: frozenset[str]
    entity: str
    attribute: str


@tool(args_schema=SearchQuery)
async def find_rivals(query: str) -> str:
    """Find other sellers' listings in the same catalogue. Query with brand, model and other words that name the product."""
    context = get_runtime(SearchContext).context
    hits = context.index.query(
        query, kind="listing", top_k=RESULTS_PER_SEARCH + len(context.own_ids), now_s=context.now_s, exclude_pair_id=context.pair_id
    )
    return _shown([hit for hit in hits if hit.entry.id not in context.own_ids][:RESULTS_PER_SEARCH], context)


@tool(args_schema=SearchQuery)
async def past_answers(query: str) -> str:
    """Find answers researched earlier about the same product and attribute. Query with the question's own words."""
    context = get_runtime(SearchContext).context
    hits = context.index.query(
        query, kind="answer", top_k=RESULTS_PER_SEARCH, now_s=context.now_s, exclude_pair_id=context.pair_id,
        entity=context.entity, attribute=context.attribute,
    )  # fmt: skip
    return _shown(hits, context)


@tool(args_schema=SearchQuery)
async def search_documents(query: str) -> str:
    """Search the user's own documents: manuals, data sheets, price lists. Query with the words that name the product."""
    context = get_runtime(SearchContext).context
    hits = context.index.query(query, kind="document", top_k=RESULTS_PER_SEARCH, now_s=context.now_s, exclude_pair_id=context.pair_id)
    return _shown(hits, context)


TOOLS = (find_rivals, past_answers, search_documents)


def _shown(hits: list[KnowledgeHit], context: SearchContext) -> str:
    return json.dumps([{"id": hit.entry.id, "text": context.clean(hit.entry.text)} for hit in hits], ensure_ascii=False)
