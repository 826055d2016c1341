"""extract: what each listing states, by the evidence engine, and by a model where the engine found nothing."""

from __future__ import annotations

from collections.abc import Mapping

from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.schemas import ExtractReply
from epm.agents.state import TeacherState
from epm.evidence.engine import read_listing
from epm.evidence.parsed import ParsedListing
from epm.gateway.request import Task, TaskKind
from epm.judges.grounding import is_quoted
from epm.listing import Listing
from epm.prompts.data_fields import listing_block
from epm.rationale import AXIS_ATTRIBUTES

_ATTRIBUTES = tuple(name for names in AXIS_ATTRIBUTES.values() for name in names)
_TELLING = ("brand", "model", "mpn", "gtin", "asin")
_GUESSED = "brand-lead"
"""The rule by which the engine takes the first word for the brand: a guess, not a reading."""
_MAX_QUOTES = 4


async def extract(state: TeacherState, runtime: Runtime[TeacherContext]) -> TeacherState:
    """Readings of both sides."""
    pair = state["pair"]
    return {"readings": {"left": await _read(pair.left, runtime.context), "right": await _read(pair.right, runtime.context)}}


def is_telling(parsed: ParsedListing) -> bool:
    """Whether the engine read, and did not guess, which product a listing offers."""
    return any(value.rule != _GUESSED for name in _TELLING for value in parsed.of(name))


async def _read(listing: Listing, context: TeacherContext) -> Mapping[str, tuple[str, ...]]:
    parsed = read_listing(listing)
    found = {name: tuple(dict.fromkeys(value.span.quote for value in parsed.of(name)))[:_MAX_QUOTES] for name in _ATTRIBUTES}
    found = {name: quotes for name, quotes in found.items() if quotes}
    if not is_telling(parsed):
        texts = listing.texts()
        task = Task(TaskKind.EXTRACT, {"listing": texts})
        reply = await context.ask("extract", {"listing": listing_block("listing", texts)}, ExtractReply, task)
        for stated in reply.attributes:
            if is_quoted(stated.quote, texts):
                found[stated.name] = tuple(dict.fromkeys((*found.get(stated.name, ()), stated.quote)))[:_MAX_QUOTES]
    return found
