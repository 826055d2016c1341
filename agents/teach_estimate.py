"""Estimate and dry run of teaching: what ``epm teach`` would ask and cost, before it is let loose on all pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epm.agents.state import blind
from epm.agents.teach import COMMAND, remaining_pairs, teach
from epm.agents.teach_file import TeachOptions, TeachSetting, teach_gateway, teach_setting
from epm.errors import BudgetError
from epm.estimate.estimate import Estimate, estimate_rest, random_sample, sample_bounds
from epm.estimate.preview import N_PREVIEWED, Preview, with_templates
from epm.gateway.dry_run import DryGateway
from epm.gateway.metered import MeteredGateway
from epm.gateway.tally import Tally
from epm.knowledge.catalogue import batch_index
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.progress import ProgressSink, silent
from epm.store.holding import holding
from epm.store.records import RunStatus
from epm.sync import run_sync

_N_RIVALS = 200
"""Pairs that a dry run looks for rivals in: as many as show what such a block takes, and are indexed in a moment."""


def estimate_teach(path: Path, options: TeachOptions, n: int, *, on_progress: ProgressSink = silent) -> Estimate:
    """What the run will take beyond a random sample of ``n`` of its remaining items; the sample is taught for real and stays done.

    Raises:
        BudgetError: the caps leave fewer than 2 items.
        ConfigError: every item of the sample failed.
    """
    options = replace(options, bounds=sample_bounds(options.bounds))
    with teach_setting(path, options) as setting:
        gateway, store = teach_gateway(setting, options), setting.store
        tally = Tally.of(gateway)
        run_id = store.begin(setting.job.spec(), fresh=options.is_fresh).run_id
        with holding(store, run_id, COMMAND):
            before, _ = remaining_pairs(setting.pairs, store, run_id)
            sample = random_sample(before, n, seed=options.seed)
            is_cut = _teach_sample(sample, setting, gateway, on_progress)
            rest, _ = remaining_pairs(setting.pairs, store, run_id)
            if rest:
                store.finish_run(run_id, RunStatus.INTERRUPTED)
        ended = {item.item_id: item.decision.error_class for item in store.items(run_id)}
        # an item that an earlier command failed on has a row too: it counts when this one worked on it
        finished = [p.id for p in sample if p.id in ended and (ended[p.id] is None or p.id in tally.items)]
        return estimate_rest(
            tally.items, finished, n_wanted=len(sample), n_rest=len(rest), left_usd=gateway.budget.left_usd(run_id), is_cut=is_cut,
            failed={item_id: found for item_id, found in ended.items() if found is not None},
        )  # fmt: skip


def preview_teach(path: Path, options: TeachOptions) -> Preview:
    """How many items the run has left, and the prompts of the first ones in every role, which no model sees.

    The knowledge index is not touched: rivals are looked for among the first pairs alone.
    """
    with teach_setting(path, options) as setting:
        job, found = setting.job, setting.store.find(setting.job.spec())
        todo = list(setting.pairs)
        if found is not None and not options.is_fresh:
            todo, _ = remaining_pairs(setting.pairs, setting.store, found)
        gateway = DryGateway()
        nearby = batch_index([job.egress.visible(blind(pair)) for pair in setting.pairs[:_N_RIVALS]])
        ctx = MatchContext(job.identity, gateway, job.model, nearby, None, job.seed, job.egress)
        run_sync(job.matcher.decide([blind(pair) for pair in todo[:N_PREVIEWED]], ctx))
        return Preview(len(todo), with_templates(gateway.prompts, job.model.name, [job.matcher]))


def _teach_sample(sample: list[Pair], setting: TeachSetting, gateway: MeteredGateway, on_progress: ProgressSink) -> bool:
    """True when a cap ended the sample before its last item."""
    job = replace(setting.job, is_fresh=False, only=frozenset(pair.id for pair in sample))
    try:
        run_sync(teach(setting.pairs, job, store=setting.store, gateway=gateway, knowledge=setting.knowledge, on_progress=on_progress))
    except BudgetError:
        return True
    return False
