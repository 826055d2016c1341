"""How much recall saves, and how often what it brings is about the right product: ours beside Q2K's, on one order of pairs.

The pairs are one stream. The questions of each are written once; then every way of recall answers them with an index of its
own, which holds the listings and whatever that way researched before. Decisions are not made, so every researched answer is
filed. A reused answer is right if gold says that all it rests on was researched for the same product and attribute, wrong if gold
denies that of any part, and unjudged where gold is silent. Gold labels and cluster ids are read for nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from langgraph.runtime import Runtime

from epm.agents.context import TeacherContext
from epm.agents.item_gateway import ItemGateway
from epm.agents.nodes.ask import ask_questions
from epm.agents.nodes.extract import extract
from epm.agents.schemas import Question
from epm.agents.state import TeacherState, blind
from epm.eval.entity_gold import EntityGold
from epm.eval.intervals import N_RESAMPLES, TwoWay
from epm.eval.recall_ways import Handled, RecallWay
from epm.eval.retrieval_figures import COLUMNS, RetrievalReport, coverage_figures, recall_differences, recall_figures
from epm.evidence.decisive import QuestionCoverage, attribute_name
from epm.gateway.completion import estimated_usage
from epm.gateway.gateway import Gateway
from epm.gateway.request import CallScope, ChatReply, ChatRequest, ModelSettings
from epm.identity import STRICT, IdentityRule
from epm.knowledge.catalogue import listing_entries
from epm.knowledge.embedder import Embedder
from epm.knowledge.memory import MemoryIndex
from epm.listing import Listing
from epm.pair import Pair


@dataclass(frozen=True, slots=True)
class Stream:
    """What a measurement runs on: pairs in their order, who answers, and the vectors of every index."""

    pairs: Sequence[Pair]
    gateway: Gateway
    model: ModelSettings
    embedder: Embedder
    identity: IdentityRule = STRICT


class TokenGateway:
    """Passes every call on and counts its tokens, those of cached replies too, as if nothing were kept; estimated where nobody says."""

    def __init__(self, inner: Gateway) -> None:
        self._inner = inner
        self.n_tokens = 0

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        """The reply of the inner gateway."""
        reply = await self._inner.send(request, scope)
        guessed = estimated_usage(request, reply.body)
        stated = reply.usage.prompt_tokens + reply.usage.completion_tokens
        self.n_tokens += stated or guessed.prompt_tokens + guessed.completion_tokens
        return reply


async def measure_retrieval(stream: Stream, ways: Sequence[RecallWay], *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> RetrievalReport:
    """The report of one pass over the pairs; differences are of the first way to each other one.

    Raises:
        ModelError: a call failed: figures of a part of the pairs would not be comparable.
    """
    scorer, now_s = _Scorer(stream.pairs), time.time()
    listings = listing_entries([blind(pair) for pair in stream.pairs], provenance="measurement")
    indexes = [MemoryIndex(stream.embedder) for _ in ways]
    for index in indexes:
        index.add(listings)
    rows = [np.zeros((len(stream.pairs), len(COLUMNS))) for _ in ways]
    coverages: list[QuestionCoverage] = []
    for number, pair in enumerate(map(blind, stream.pairs)):
        context = TeacherContext(ItemGateway(stream.gateway), stream.model, stream.identity, MemoryIndex(stream.embedder), now_s, pair.id)
        questions, coverage = await _questions(pair, context)
        coverages.append(coverage)
        for way, index, row in zip(ways, indexes, rows, strict=True):
            counter = TokenGateway(stream.gateway)
            handled = await way.handle(pair, questions, replace(context, gateway=ItemGateway(counter), knowledge=index))
            row[number] = scorer.row(pair.id, handled, counter.n_tokens)
    plan = TwoWay([p.left.product_id() for p in stream.pairs], [p.right.product_id() for p in stream.pairs], n_resamples, seed)
    return RetrievalReport(
        tuple(recall_figures(way.name, row, plan) for way, row in zip(ways, rows, strict=True)),
        coverage_figures(coverages, plan),
        {way.name: recall_differences(rows[0], row, plan) for way, row in zip(ways[1:], rows[1:], strict=True)},
    )


async def _questions(pair: Pair, context: TeacherContext) -> tuple[tuple[Question, ...], QuestionCoverage]:
    state, runtime = TeacherState(pair=pair), Runtime(context=context)
    state.update(await extract(state, runtime))
    asked = await ask_questions(state, runtime)
    return asked["questions"], asked["coverage"]


class _Scorer:
    """Holds what is known of the pairs, so that nothing that answers has to."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._gold = EntityGold(pairs)
        self._pairs: Mapping[str, Pair] = {pair.id: pair for pair in pairs}

    def row(self, pair_id: str, handled: Sequence[Handled], n_tokens: int) -> tuple[int, ...]:
        """One row of ``COLUMNS``."""
        verdicts = [self._is_right(pair_id, one) for one in handled if one.reused]
        n_searches = sum(one.n_searches for one in handled)
        return 1, len(handled), len(verdicts), verdicts.count(True), verdicts.count(False), n_searches, n_tokens

    def _is_right(self, pair_id: str, handled: Handled) -> bool | None:
        asked, found = handled.question, set[bool | None]()
        for origin in handled.reused:
            if attribute_name(origin.question.attribute) != attribute_name(asked.attribute):
                return False
            found.add(self._gold.is_any_same(self._offers(pair_id, asked), self._offers(origin.pair_id, origin.question)))
        return False if False in found else None if None in found else True

    def _offers(self, pair_id: str, question: Question) -> list[Listing]:
        """The listings that a question is about."""
        pair = self._pairs[pair_id]
        return [listing for side, listing in (("left", pair.left), ("right", pair.right)) if question.side in {side, "both"}]
