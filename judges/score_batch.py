"""Asking model judges by batch: their first questions go out together, for half the price and an answer within a day.

What comes back is put where ordinary calls put it, ledger and cache; scoring then finds the cache full, and asks on its own
what was answered badly. A command that was killed finds its batches again and waits for them; none is made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from epm.errors import BudgetError
from epm.gateway.batch import BatchLine, CollectingGateway, require_batches
from epm.gateway.bounds import Bounds, Spent
from epm.gateway.prices import Price, batch_price_of
from epm.gateway.request import CallScope, ChatRequest, ModelSettings
from epm.gateway.sent import sent_fields
from epm.gateway.tokens import most_tokens
from epm.gateway.transports.litellm import LitellmTransport
from epm.judge import Judge, JudgeContext
from epm.judges.batch_pass import BatchPass
from epm.judges.model_judge import ModelJudge
from epm.judges.run_identity import identity_of
from epm.judges.score import BatchFigures, rationales, unscored
from epm.progress import ProgressEvent, ProgressSink
from epm.store import batches
from epm.store.store import RunStore

_CHUNK = 64


async def answer_in_batches(
    run_id: str, judges: Sequence[Judge], ctx: JudgeContext, *, store: RunStore, limit: int | None, bounds: Bounds, on_progress: ProgressSink
) -> BatchFigures:  # fmt: skip
    """What the batches of a run's judges came to: those of an earlier command are waited for, and what is in none goes into new ones.

    Raises:
        BudgetError: a cap does not hold the new batches; nothing new was sent.
        ConfigError: there is no model, or litellm submits no batches of its vendor.
        RunStoppedError: a batch was refused, did not go through, or cannot be asked after; what was answered is kept.
    """
    model = require_batches(ctx.model)
    run = store.run(run_id)
    transport = LitellmTransport(model)
    collecting = CollectingGateway(transport, store)
    ctx = replace(ctx, run_id=run.run_id, identity=identity_of(run.spec.settings), gateway=collecting)
    price = batch_price_of(model)
    work = BatchPass(
        store,
        run.run_id,
        model,
        transport.identity,
        transport.host,
        on_progress,
        BatchFigures(is_price_assumed=price is not None and price.is_assumed),
    )
    await _collect(run.run_id, judges, ctx, collecting, store=store, limit=limit, on_progress=on_progress)
    _make_batches(run.run_id, model, transport.identity, store, bounds)
    await work.finish()
    return work.figures


async def _collect(
    run_id: str, judges: Sequence[Judge], ctx: JudgeContext, collecting: CollectingGateway, *, store: RunStore, limit: int | None,
    on_progress: ProgressSink,
) -> None:  # fmt: skip
    """Write the first question of each model judge about each unscored rationale into the store, unless the cache answers it."""
    items = rationales(store, run_id)[:limit]
    store.write(lambda connection: batches.drop_unsent(connection, run_id))
    for judge in judges:
        if not isinstance(judge, ModelJudge) or ctx.model is None:
            continue
        model = ctx.model
        todo = unscored(items, [judge], model, store, run_id)
        for start in range(0, len(todo), _CHUNK):
            await judge.score(todo[start : start + _CHUNK], ctx)
            lines = [_line(key, request, scope, model) for key, (request, scope) in collecting.take().items()]
            store.write(partial(batches.add_lines, run_id=run_id, lines=lines))
            on_progress(ProgressEvent(f"prompts {judge.name}", len(todo), min(start + _CHUNK, len(todo))))


def _make_batches(run_id: str, model: ModelSettings, identity: str, store: RunStore, bounds: Bounds) -> None:
    try:
        store.write(lambda connection: batches.make_batches(connection, run_id, identity, bounds, lambda name: _price(model, name)))
    except BudgetError:
        store.write(lambda connection: batches.drop_unsent(connection, run_id))
        raise


def _line(key: str, request: ChatRequest, scope: CallScope, model: ModelSettings) -> BatchLine:
    name = str(request.body["model"])
    usage, price = most_tokens(request.body), _price(model, name)
    worst = Spent(0.0 if price is None else price.cost_usd(usage), usage.prompt_tokens + usage.completion_tokens)
    return BatchLine(scope, key, name, request.body, sent_fields(request), worst)


def _price(model: ModelSettings, name: str) -> Price | None:
    found = batch_price_of(model, name)
    return None if found is None else found.price
