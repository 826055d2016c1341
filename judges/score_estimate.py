"""Estimate and dry run of scoring: what ``epm judge score`` would ask and cost, before it is let loose on the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from epm.errors import BudgetError, ErrorClass
from epm.estimate.estimate import Estimate, estimate_rest, random_sample, sample_bounds
from epm.estimate.preview import N_PREVIEWED, Preview
from epm.gateway.dry_run import DryGateway
from epm.gateway.prices import FREE, batch_price_of, price_of
from epm.gateway.request import Usage
from epm.gateway.tally import ItemSpending, Tally
from epm.judge import Judge, JudgeContext
from epm.judges.run_identity import identity_of
from epm.judges.score import failures_of, latest_judgements, rationales, score_run, unscored
from epm.judges.score_stored import ScoreOptions, score_gateway
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.rationale import Rationale
from epm.registry import make_judge
from epm.session import egress_in_force
from epm.store.store import RunStore
from epm.sync import run_sync


def estimate_scoring(run: str, options: ScoreOptions, n: int, *, on_progress: ProgressSink = silent) -> Estimate:
    """What the run's rationales beyond a random sample of ``n`` will take from all judges; the sample's judgements are kept.

    Raises:
        BudgetError: the caps leave fewer than 2 rationales.
        ConfigError: a judge's call failed for every rationale of the sample.
        StoreError: no such store or run.
    """
    options = replace(options, bounds=sample_bounds(options.bounds))
    judges = [make_judge(spec) for spec in dict.fromkeys(options.judges)]
    with egress_in_force(options.model) as egress, RunStore.open(options.store, must_exist=True) as store:
        run_id = store.run(run).run_id
        gateway = score_gateway(options, store, run_id)
        todo = unscored(rationales(store, run_id)[: options.limit], judges, options.model, store, run_id)
        sample, is_cut = random_sample([pair.id for pair, _ in todo], n, seed=options.seed), False
        tally = None if gateway is None else Tally.of(gateway)
        ctx = JudgeContext(gateway=gateway, model=options.model, seed=options.seed, egress=egress, concurrency=options.concurrency)
        try:
            run_sync(score_run(run_id, judges, ctx, store=store, limit=options.limit, pair_ids=frozenset(sample), on_progress=on_progress))
        except BudgetError:
            is_cut = True
        finished = _finished(sample, todo, judges, store, run_id)
        return estimate_rest(
            {} if tally is None else _as_asked(tally.items, options), finished, n_wanted=len(sample), n_rest=len(todo) - len(finished), is_cut=is_cut,
            left_usd=None if gateway is None else gateway.budget.left_usd(run_id, judging=True), failed=_failed(judges, store, run_id),
        )  # fmt: skip


def preview_scoring(run: str, options: ScoreOptions) -> Preview:
    """How many rationales are left to score, and the first prompts of the first ones, which no model sees."""
    judges = [make_judge(spec) for spec in dict.fromkeys(options.judges)]
    with egress_in_force(options.model) as egress, RunStore.open(options.store, must_exist=True) as store:
        found = store.run(run)
        todo = unscored(rationales(store, found.run_id)[: options.limit], judges, options.model, store, found.run_id)
        gateway = DryGateway()
        ctx = JudgeContext(identity_of(found.spec.settings), gateway, options.model, found.run_id, options.seed, egress)
        for judge in judges:
            run_sync(judge.score(todo[:N_PREVIEWED], ctx))
        return Preview(len(todo), gateway.prompts)


def _as_asked(spending: Mapping[str, ItemSpending], options: ScoreOptions) -> Mapping[str, ItemSpending]:
    """What items cost as the rest will be asked: in a batch, at its price. The sample itself was asked call by call."""
    if not options.is_batch or options.model is None:
        return spending
    ordinary, batch = price_of(options.model), batch_price_of(options.model)
    if ordinary is None or batch is None or ordinary == FREE:
        return spending
    share = max(batch.price.cost_usd(usage) / ordinary.cost_usd(usage) for usage in (Usage(1, 0), Usage(0, 1)) if ordinary.cost_usd(usage))
    return {item_id: replace(spent, cost_usd=spent.cost_usd * share) for item_id, spent in spending.items()}


def _finished(
    sample: Sequence[str], todo: Sequence[tuple[Pair, Rationale]], judges: Sequence[Judge], store: RunStore, run_id: str
) -> list[str]:
    """The sampled pairs that every judge has looked at, unscored ones included."""
    known, sha_of = latest_judgements(store.judgements(run_id)), {pair.id: rationale.sha() for pair, rationale in todo}
    return [pair_id for pair_id in sample if all((pair_id, sha_of[pair_id], judge.name) in known for judge in judges)]


def _failed(judges: Sequence[Judge], store: RunStore, run_id: str) -> Mapping[str, ErrorClass]:
    """The pairs for which a call of one of the judges failed, and how."""
    names = {judge.name for judge in judges}
    known = latest_judgements(store.judgements(run_id)).values()
    return {j.pair_id: found for j in known if j.judge in names for found in failures_of(j).values()}
