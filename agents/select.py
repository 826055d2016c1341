"""The matcher ``select[:no-rule]``: one of k candidates or none, after ComEM (COLING 2025).

    epm bench pairs.jsonl --model openai/… --matcher select

All pairs with one left listing are one question: their right listings are its candidates, and the one that is chosen is
the match. So at most one candidate of a query matches (offers that read alike count as one). Candidates are shuffled by
a seed drawn from the query: neither their place in the file nor their ids move them, so that position carries nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from epm.agents.baseline_schemas import select_reply
from epm.agents.free_prompt import NO_RULE_OPTION, VERSION, Asked, FreePrompt, with_rule
from epm.decision import Decision, Outcome
from epm.listing import Listing
from epm.matcher import MatchContext, require_usable
from epm.pair import Pair
from epm.prompts.data_fields import data_block, listing_block, listing_fields
from epm.relation import Label
from epm.run import in_turn

NAME = "select"
PROMPT = "baseline/select.v1"
MOST_CANDIDATES = 10
"""Candidates of one question; more are asked about in heats, whose winners meet again. Long lists are read badly."""


class SelectMatcher:
    """Decides the pairs of each left listing together; ``version`` holds the prompt's hash."""

    def __init__(self, prompt: FreePrompt) -> None:
        self.name = prompt.matcher
        self.prompts_sha = prompt.sha
        self.version = f"{VERSION}+{self.prompts_sha[:12]}"
        self._prompt = prompt

    def refusal(self, ctx: MatchContext) -> str | None:
        """Why the context has nobody who could answer; ``None`` when it has."""
        return self._prompt.refusal(ctx)

    def groups(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """The pairs of each left listing, in the order in which the listings first stand."""
        found: dict[tuple[str, str], list[Pair]] = {}
        for pair in pairs:
            found.setdefault((pair.left.id, pair.left.content_sha()), []).append(pair)
        return list(found.values())

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order.

        Raises:
            ConfigError: the context has no model, or the rules in its place.
        """
        require_usable([self], ctx)
        identity = self._prompt.identity(ctx.identity)

        async def decide(group: Sequence[Pair]) -> list[Decision]:
            async def work(asked: Asked) -> list[Decision]:
                return await _chosen(group, asked, identity, ctx.seed)

            return await self._prompt.decide([pair.id for pair in group], ctx, work)

        groups = self.groups([ctx.egress.visible(pair) for pair in batch])
        decided = await in_turn(groups, decide, concurrency=ctx.concurrency)
        by_id = {decision.pair_id: decision for group in decided for decision in group}
        return [by_id[pair.id] for pair in batch]


def make(arg: str | None) -> SelectMatcher:
    """The matcher ``select[:no-rule]``."""
    has_rule = with_rule(NAME, arg)
    return SelectMatcher(FreePrompt(NAME if has_rule else f"{NAME}:{NO_RULE_OPTION}", PROMPT, has_rule=has_rule))


def in_random_order(query: Listing, candidates: Sequence[Listing], seed: int) -> list[Listing]:
    """The distinct candidates, in an order that depends on what they and the query say, and on the seed, alone."""
    distinct = {listing.content_sha(): listing for listing in candidates}
    ordered = [distinct[sha] for sha in sorted(distinct)]
    random.Random(f"{seed} {query.content_sha()}").shuffle(ordered)
    return ordered


async def _chosen(group: Sequence[Pair], asked: Asked, identity: str, seed: int) -> list[Decision]:
    query = group[0].left
    shown = in_random_order(query, [pair.right for pair in group], seed)
    winner = await _winner(query, shown, asked, identity)
    chosen = None if winner is None else winner.content_sha()
    place_of = {listing.content_sha(): place for place, listing in enumerate(shown, start=1)}
    return [
        Decision(
            pair.id, Outcome.DECIDED, label=Label.MATCH if pair.right.content_sha() == chosen else Label.NO_MATCH,
            provenance={"place": place_of[pair.right.content_sha()], "n_candidates": len(shown), "n_together": len(group)},
        )
        for pair in group
    ]  # fmt: skip


async def _winner(query: Listing, candidates: Sequence[Listing], asked: Asked, identity: str) -> Listing | None:
    standing = list(candidates)
    while True:
        heats = [standing[start : start + MOST_CANDIDATES] for start in range(0, len(standing), MOST_CANDIDATES)]
        standing = []
        for heat in heats:
            variables = {"identity": identity, "left": listing_block("left", query.texts()), "candidates": _candidates_block(heat)}
            reply = await asked.ask(variables, select_reply(len(heat)))
            standing += [heat[reply.choice - 1]] if reply.choice else []
        if len(heats) == 1 or len(standing) <= 1:
            return standing[0] if standing else None


def _candidates_block(candidates: Sequence[Listing]) -> str:
    numbered: list[Mapping[str, object]] = [
        {"number": number, "listing": listing_fields(listing.texts())} for number, listing in enumerate(candidates, start=1)
    ]
    return data_block("candidates", numbered)
