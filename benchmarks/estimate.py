"""Estimates and caps, measured: how often the 90 % interval holds the true cost of the rest, and how far a cap is passed.

    python benchmarks/estimate.py [TRIALS]

Estimates: items of skewed cost go through ``estimate_matching`` and the gateway over a transport in this process; the true cost of
the items left is known. Student's t on the same samples stands beside it. Caps: many calls in flight against a cap, by a
server that bills what it may and by one that bills three times what it was asked for. One JSON line for each row.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import stats

from epm.decision import Decision, Outcome
from epm.errors import BudgetError
from epm.estimate.estimate import sample_bounds
from epm.estimate.matching import estimate_matching
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.gateway.budget import Budget
from epm.gateway.completion import completion_body
from epm.gateway.metered import MeteredGateway
from epm.gateway.prices import Price
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Usage
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.registry import MATCHERS
from epm.relation import Label

PRICE = Price(0.15, 0.60)
N_ITEMS, SAMPLES = 2_000, (20, 30, 50)
IN_FLIGHT = 64
MAX_TOKENS = 1_500


class Spender:
    """Each pair asks as many calls of as many tokens as its attributes say."""

    name, version = "spender", "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """A match, once everything was asked."""
        for pair in batch:
            for n, tokens in enumerate(calls_of(pair)):
                await ctx.gateway.send(asked(f"{pair.id} {n}", tokens), CallScope(None, pair.id, "decide"))
        return [Decision(pair.id, Outcome.DECIDED, label=Label.MATCH) for pair in batch]


def make(_arg: str | None) -> Spender:
    return Spender()


class BillingTransport:
    """Bills the tokens that a request says, times ``factor``, after a moment."""

    name = identity = "billing"

    def __init__(self, *, factor: float = 1.0, latency_s: float = 0.0) -> None:
        self.factor, self.latency_s = factor, latency_s
        self.n_calls, self.billed_usd = 0, 0.0

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:  # noqa: ARG002
        """The bill."""
        self.n_calls += 1
        await asyncio.sleep(self.latency_s * random.random())
        n_prompt, n_completion = json.loads(request.body["messages"][0]["content"])[1]
        usage = Usage(n_prompt, int(n_completion * self.factor))
        self.billed_usd += PRICE.cost_usd(usage)
        return ChatReply(completion_body("m", {"content": "x"}), usage, "m", 0.0, PRICE.cost_usd(usage))


def asked(name: str, tokens: tuple[int, int]) -> ChatRequest:
    content = json.dumps([name, tokens, "x" * tokens[0]])  # a byte for a token: the prompt is as long as it is billed
    return ChatRequest({"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": MAX_TOKENS})


def calls_of(pair: Pair) -> list[tuple[int, int]]:
    return [tuple(call) for call in pair.extras["calls"]]


def lognormal(rng: random.Random) -> list[tuple[int, int]]:
    """Three calls whose size is lognormal with sigma 1."""
    scale = rng.lognormvariate(0, 1)
    return [(int(300 * scale) + 1, int(60 * scale) + 1)] * 3


def searching(rng: random.Random) -> list[tuple[int, int]]:
    """Three calls, and for one pair in eight a tool loop in which the conversation grows."""
    n_searches = 0 if rng.random() > 1 / 8 else 2 + int(rng.expovariate(1 / 3))
    return [(int(rng.gauss(600, 90)), 100)] * 3 + [(700 + 400 * n, 120) for n in range(min(n_searches, 12))]


def long_listings(rng: random.Random) -> list[tuple[int, int]]:
    """Three calls; one pair in five has descriptions ten times as long."""
    scale = 10 if rng.random() < 1 / 5 else 1
    return [(int(rng.uniform(150, 300) * scale), int(rng.uniform(50, 150)))] * 3


def estimates(n_trials: int, shape: Callable[[random.Random], list[tuple[int, int]]], n_sampled: int) -> dict[str, object]:
    held, held_by_t, width, paid = 0, 0, [], []
    for trial in range(n_trials):
        rng = random.Random(f"{shape.__name__} {trial}")
        pairs = [Pair(f"p{i}", Listing("l", "x"), Listing("r", "x"), extras={"calls": shape(rng)}) for i in range(N_ITEMS)]
        transport = BillingTransport()
        budget = Budget(sample_bounds(NO_BOUNDS), lambda _model: PRICE)
        ctx = MatchContext(gateway=MeteredGateway(transport, None, budget=budget), seed=trial)
        found = estimate_matching(pairs, ["spender"], n_sampled, ctx=ctx)
        costs = np.array([sum(PRICE.cost_usd(Usage(*call)) for call in calls_of(pair)) for pair in pairs])
        rest_usd = float(costs.sum()) - transport.billed_usd
        sampled = np.array([spent.cost_usd for spent in ctx.gateway.log.items.values()])
        error = stats.t.ppf(0.95, len(sampled) - 1) * sampled.std(ddof=1) * np.sqrt(1 / len(sampled) + 1 / found.n_rest)
        held += int(found.cost_usd.low <= rest_usd <= found.cost_usd.high)
        held_by_t += int(abs(sampled.mean() * found.n_rest - rest_usd) <= error * found.n_rest)
        width.append((found.cost_usd.high - found.cost_usd.low) / rest_usd)
        paid.append(found.paid_usd)
    return {
        "row": "estimate", "costs": shape.__name__, "n_sampled": n_sampled, "n_items": N_ITEMS, "trials": n_trials, "held": held,
        "held_by_t": held_by_t, "mean_width": round(float(np.mean(width)), 2), "most_paid_usd": round(max(paid), 4),
    }  # fmt: skip


def caps(n_trials: int, factor: float) -> dict[str, object]:
    passed_usd, passed_calls, unspent_calls, n_calls = [], [], [], []
    for trial in range(n_trials):
        rng = random.Random(trial)
        sizes = [(rng.randint(100, 3_000), rng.randint(10, MAX_TOKENS)) for _ in range(1_500)]
        total_usd = sum(PRICE.cost_usd(Usage(n_in, int(n_out * factor))) for n_in, n_out in sizes)
        cap_usd, transport = rng.uniform(0.3, 0.8) * total_usd, BillingTransport(factor=factor, latency_s=0.004)
        gateway = MeteredGateway(transport, None, concurrency=IN_FLIGHT, budget=Budget(Bounds(max_cost_usd=cap_usd), lambda _model: PRICE))
        n_refused = asyncio.run(send_all(gateway, sizes))
        if n_refused == 0 or transport.n_calls + n_refused != len(sizes):
            sys.exit(f"trial {trial}: {transport.n_calls} calls sent and {n_refused} refused of {len(sizes)}")
        mean_usd = transport.billed_usd / transport.n_calls
        passed_usd.append(max(0.0, transport.billed_usd - cap_usd))
        passed_calls.append(passed_usd[-1] / mean_usd)
        unspent_calls.append(max(0.0, cap_usd - transport.billed_usd) / mean_usd)
        n_calls.append(transport.n_calls)
    return {
        "row": "cap", "billed_to_asked": factor, "trials": n_trials, "in_flight": IN_FLIGHT, "calls": [min(n_calls), max(n_calls)],
        "n_passed": sum(usd > 1e-9 for usd in passed_usd), "most_passed_calls": round(max(passed_calls), 2),
        "most_unspent_calls": round(max(unspent_calls), 2),
    }  # fmt: skip


async def send_all(gateway: MeteredGateway, sizes: Sequence[tuple[int, int]]) -> int:
    calls = (gateway.send(asked(str(i), size), CallScope(None, str(i), "decide")) for i, size in enumerate(sizes))
    return sum(isinstance(one, BudgetError) for one in await asyncio.gather(*calls, return_exceptions=True))


def measured(n_trials: int) -> Iterator[dict[str, object]]:
    for shape in (lognormal, searching, long_listings):
        for n_sampled in SAMPLES:
            yield estimates(n_trials, shape, n_sampled)
    for factor in (1.0, 3.0):
        yield caps(n_trials, factor)


if __name__ == "__main__":
    MATCHERS["spender"] = f"{__name__}:make"
    for row in measured(int(sys.argv[1]) if len(sys.argv) > 1 else 20):
        print(json.dumps(row), flush=True)
