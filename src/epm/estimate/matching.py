"""Estimate and dry run of the commands that match pairs without a run: ``match``, ``bench``, ``audit``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from epm.errors import BudgetError, ConfigError, ErrorClass
from epm.estimate.estimate import Estimate, estimate_rest, random_sample
from epm.estimate.preview import N_PREVIEWED, Preview, with_templates
from epm.gateway.dry_run import DryGateway
from epm.gateway.metered import MeteredGateway
from epm.gateway.tally import Tally
from epm.matcher import Collective, MatchContext, Matcher, require_usable
from epm.matching import OWN_SYSTEMS, decide_all
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.registry import make_matcher
from epm.sync import run_sync

_AT_ONCE = 8
"""Pairs between two looks at the cap: what is cut off is cut off in whole groups of random pairs."""


def estimate_matching(
    pairs: Sequence[Pair], specs: Sequence[str], n: int, *, ctx: MatchContext, on_progress: ProgressSink = silent
) -> Estimate:
    """What the pairs beyond a random sample of ``n`` will take from all matchers together; the sample is decided for real.

    Raises:
        BudgetError: the caps leave fewer than 2 pairs.
        ConfigError: every pair of the sample failed with a matcher, one cannot work here, or decides pairs together.
    """
    gateway = ctx.gateway if isinstance(ctx.gateway, MeteredGateway) else None
    tally = None if gateway is None else Tally.of(gateway)
    matchers = [(spec, make_matcher(spec)) for spec in specs]
    require_usable([matcher for _, matcher in matchers], ctx)
    together = next((spec for spec, matcher in matchers if isinstance(matcher, Collective)), None)
    if together is not None:
        msg = f"matcher {together!r} decides pairs together, so a sample of single pairs tells nothing of its cost; try it with --limit N and --max-cost-usd"
        raise ConfigError(msg)
    sample, is_cut = random_sample(pairs, n, seed=ctx.seed), False
    finished: list[str] = []
    failed: dict[str, ErrorClass] = {}

    async def decide(group: Sequence[Pair]) -> None:
        for spec, matcher in matchers:
            decided = await decide_all(matcher, group, ctx, stage=f"estimate {spec}", on_progress=on_progress)
            failed.update({decision.pair_id: decision.error_class for decision in decided if decision.error_class is not None})

    async def decide_sample() -> None:
        for start in range(0, len(sample), _AT_ONCE):
            await decide(sample[start : start + _AT_ONCE])
            finished.extend(pair.id for pair in sample[start : start + _AT_ONCE])

    try:
        run_sync(decide_sample())
    except BudgetError:
        is_cut = True
    return estimate_rest(
        {} if tally is None else tally.items, finished, n_wanted=len(sample), n_rest=len(pairs) - len(finished), is_cut=is_cut,
        left_usd=None if gateway is None else gateway.budget.left_usd(None), failed=failed,
    )  # fmt: skip


def preview_matching(pairs: Sequence[Pair], specs: Sequence[str], *, ctx: MatchContext) -> Preview:
    """The prompts of every matcher in every role, which no model sees; a system of the user's own has none, and is not run."""
    gateway = DryGateway()
    dry = replace(ctx, gateway=gateway, alone=None)
    matchers = {spec: make_matcher(spec) for spec in specs}
    require_usable(list(matchers.values()), dry)
    for spec, matcher in matchers.items():
        if spec.partition(":")[0] not in OWN_SYSTEMS:
            run_sync(decide_all(matcher, _first(matcher, pairs), dry))
    model = "rules" if ctx.model is None else ctx.model.name
    return Preview(len(pairs), with_templates(gateway.prompts, model, matchers.values()))


def _first(matcher: Matcher, pairs: Sequence[Pair]) -> Sequence[Pair]:
    if isinstance(matcher, Collective):
        return [pair for group in matcher.groups(pairs)[:N_PREVIEWED] for pair in group]
    return pairs[:N_PREVIEWED]
