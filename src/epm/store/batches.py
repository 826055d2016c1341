"""Batches of a run's calls, durable from before they are sent until each line stands in the ledger.

A batch is made with its lines and what they can cost at most, in one transaction. It is submitted by whoever holds its
claim; a claim that is older than its lease is another's to take, after looking whether the batch was made at the vendor.
Delivering a line writes its ledger row, keeps its reply, settles its budget and drops the line, all or nothing: so each
line is one row, however often a command is killed. A line without its request was blanked by a purge.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from epm.errors import BudgetError
from epm.gateway.batch import BatchLine
from epm.gateway.bounds import Bounds, Spent
from epm.gateway.ledger import CachedReply, CallRecord, canonical_json
from epm.gateway.prices import Price
from epm.gateway.request import CallScope
from epm.store.budgets import charge, spent_on
from epm.store.item_writing import record_call
from epm.store.missing import insert_missing
from epm.store.schema import batch_lines, batches, budgets

_Unsent = Row[str, str | None, str, float, int, int]

MAX_LINES = 50_000
"""OpenAI takes as many in one file."""
MAX_BYTES = 100_000_000
"""OpenAI and Azure take 200 MB; a file is held in memory."""
_AT_ONCE = 500
_ROUNDING_USD = 1e-9
_REMEDY = "each call is held at its worst case until it is answered: score fewer with --limit, or give a larger"


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch that has not ended, as it stands in the store; without ``vendor_id`` it may not have been submitted yet."""

    batch_id: int
    run_id: str
    model: str
    n_lines: int
    price: Price | None
    budget: str | None
    file_id: str | None
    claimed_at_s: float | None
    vendor_id: str | None
    created_at_s: float


Record = Callable[[BatchLine], tuple[CallRecord, CachedReply | None]]
"""Makes the ledger row of a line, and the cache row if its reply is worth keeping."""


def drop_unsent(connection: Connection, run_id: str) -> None:
    """Forget lines that a killed or refused command collected and never put into a batch."""
    connection.execute(delete(batch_lines).where(batch_lines.c.run_id == run_id, batch_lines.c.batch_id.is_(None)))


def add_lines(connection: Connection, run_id: str, lines: Iterable[BatchLine]) -> None:
    """Keep collected lines; one that waits already stays as it is."""
    for line in lines:
        scope = {part.name: getattr(line.scope, part.name) for part in fields(CallScope)}
        row = {
            "key": line.key, "model": line.model, "request_json": canonical_json(line.request), "sent": line.sent,
            "held_usd": line.worst.cost_usd, "held_tokens": line.worst.tokens, "created_at_s": time.time(),
        }  # fmt: skip
        insert_missing(connection, batch_lines, {**scope, **row, "run_id": run_id})


def make_batches(connection: Connection, run_id: str, identity: str, bounds: Bounds, price_of: Callable[[str], Price | None]) -> None:
    """Put the collected lines into batches, and hold what they can cost at most: all, or none.

    Lines that an item's own cap does not hold are dropped.

    Raises:
        BudgetError: a cap does not hold them; nothing was sent.
    """
    rows = _within_items(connection, run_id, bounds.max_item_cost_usd)
    _hold(connection, run_id, Spent(sum(row.held_usd for row in rows), sum(row.held_tokens for row in rows)), len(rows), bounds)
    for model, of_model in groupby(rows, key=lambda row: row.model):
        price = price_of(model)
        for part in _parts(list(of_model)):
            values = {
                "run_id": run_id, "identity": identity, "model": model, "n_lines": len(part), "created_at_s": time.time(),
                "price_in_usd": None if price is None else price.in_usd, "price_out_usd": None if price is None else price.out_usd,
                "budget": bounds.shared,
            }  # fmt: skip
            batch_id = connection.execute(insert(batches).values(values).returning(batches.c.batch_id)).scalar_one()
            for start in range(0, len(part), _AT_ONCE):
                is_part = batch_lines.c.key.in_([row.key for row in part[start : start + _AT_ONCE]])
                connection.execute(update(batch_lines).where(batch_lines.c.run_id == run_id, is_part).values(batch_id=batch_id))
    drop_unsent(connection, run_id)


def open_batches(connection: Connection, run_id: str, identity: str | None = None) -> list[StoredBatch]:
    """The run's batches that have not ended, in the order in which they were made; with ``identity`` those at that place."""
    query = select(batches).where(batches.c.run_id == run_id, batches.c.ended_at_s.is_(None)).order_by(batches.c.batch_id)
    return [_decode(row) for row in connection.execute(query) if identity is None or row.identity == identity]


def find_batch(connection: Connection, batch_id: int) -> StoredBatch:
    """The batch as it stands now, whoever changed it."""
    return _decode(connection.execute(select(batches).where(batches.c.batch_id == batch_id)).one())


def waiting_lines(connection: Connection, batch: StoredBatch) -> Iterator[BatchLine]:
    """The lines of a batch without a ledger row, by key."""
    query = select(batch_lines).where(batch_lines.c.batch_id == batch.batch_id).order_by(batch_lines.c.key)
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        yield _decode_line(row)


def claim(connection: Connection, batch: StoredBatch, file_id: str, *, lease_s: float) -> bool:
    """True when the batch is the caller's to submit from this file: nobody submitted it, or holds a claim that is younger than the lease."""
    now_s = time.time()
    is_free = batches.c.vendor_id.is_(None) & (batches.c.claimed_at_s.is_(None) | (batches.c.claimed_at_s < now_s - lease_s))
    is_same_file = batches.c.file_id.is_(None) | (batches.c.file_id == file_id)
    claiming = update(batches).where(batches.c.batch_id == batch.batch_id, is_free, is_same_file)
    return connection.execute(claiming.values(file_id=file_id, claimed_at_s=now_s)).rowcount == 1


def set_submitted(connection: Connection, batch: StoredBatch, vendor_id: str) -> None:
    """Write down under which id the vendor works on a batch."""
    connection.execute(update(batches).where(batches.c.batch_id == batch.batch_id).values(vendor_id=vendor_id))


def deliver(connection: Connection, batch: StoredBatch, keys: Sequence[str], record: Record) -> list[CallRecord]:
    """The ledger rows written for those of the keys that still wait."""
    wanted = batch_lines.c.key.in_(keys)
    rows = connection.execute(select(batch_lines).where(batch_lines.c.batch_id == batch.batch_id, wanted)).all()
    written = []
    for row in rows:
        call, kept = record(_decode_line(row))
        record_call(connection, call, kept)
        if batch.budget is not None and call.cost_usd is not None:
            charge(connection, batch.budget, call.cost_usd - row.held_usd, is_bounded=False)
        written.append(call)
    connection.execute(delete(batch_lines).where(batch_lines.c.batch_id == batch.batch_id, wanted))
    return written


def set_ended(connection: Connection, batch: StoredBatch, status: str) -> None:
    """Write down how a batch ended; nothing of it waits any more."""
    connection.execute(update(batches).where(batches.c.batch_id == batch.batch_id).values(status=status, ended_at_s=time.time()))


def n_waiting(connection: Connection, run_id: str) -> int:
    """How many calls of a run wait in batches."""
    of_run = (batch_lines.c.run_id == run_id) & batch_lines.c.batch_id.is_not(None)
    return int(connection.execute(select(func.count()).select_from(batch_lines).where(of_run)).scalar_one())


def _within_items(connection: Connection, run_id: str, cap_usd: float | None) -> list[_Unsent]:
    columns = (
        batch_lines.c.key, batch_lines.c.item_id, batch_lines.c.model, batch_lines.c.held_usd, batch_lines.c.held_tokens,
        func.length(batch_lines.c.request_json).label("n_bytes"),
    )  # fmt: skip
    unsent = select(*columns).where(batch_lines.c.run_id == run_id, batch_lines.c.batch_id.is_(None))
    rows = list(connection.execute(unsent.order_by(batch_lines.c.model, batch_lines.c.key)))
    if cap_usd is None:
        return rows
    spent: dict[str, float] = {}
    kept = []
    for row in rows:
        before = spent[row.item_id] if row.item_id in spent else spent_on(connection, run_id, row.item_id, judging=True).cost_usd
        is_held = before + row.held_usd <= cap_usd + _ROUNDING_USD
        spent[row.item_id] = before + row.held_usd * is_held
        kept += [row] * is_held
    return kept


def _hold(connection: Connection, run_id: str, worst: Spent, n_lines: int, bounds: Bounds) -> None:
    before = spent_on(connection, run_id, None, judging=True)
    what = f"a batch of {n_lines:,} calls can cost ${worst.cost_usd:.4f}"
    if bounds.max_tokens is not None and before.tokens + worst.tokens > bounds.max_tokens:
        figures = f"{before.tokens:,} of {bounds.max_tokens:,} tokens are spent, a batch of {n_lines:,} calls can take {worst.tokens:,}"
        raise BudgetError(f"the cap of this run does not hold the batch: {figures}; {_REMEDY} --max-tokens. Nothing was sent")
    if bounds.shared is not None:
        if not charge(connection, bounds.shared, worst.cost_usd, is_bounded=True):
            row = connection.execute(select(budgets).where(budgets.c.name == bounds.shared)).one()
            figures = f"${row.charged_usd:.4f} of ${row.max_cost_usd:.4f} are spent or in flight, {what}"
            msg = f"the budget {bounds.shared!r} does not hold the batch: {figures}; {_REMEDY} --max-cost-usd beside --budget. Nothing was sent"
            raise BudgetError(msg)
    elif bounds.max_cost_usd is not None and before.cost_usd + worst.cost_usd > bounds.max_cost_usd + _ROUNDING_USD:
        figures = f"${before.cost_usd:.4f} of ${bounds.max_cost_usd:.4f} are spent or in flight, {what}"
        raise BudgetError(f"the cap of this run does not hold the batch: {figures}; {_REMEDY} --max-cost-usd. Nothing was sent")


def _parts(rows: Sequence[_Unsent]) -> Iterator[list[_Unsent]]:
    part: list[_Unsent] = []
    n_bytes = 0
    for row in rows:
        if part and (len(part) == MAX_LINES or n_bytes + row.n_bytes > MAX_BYTES):
            yield part
            part, n_bytes = [], 0
        part.append(row)
        n_bytes += row.n_bytes
    if part:
        yield part


def _decode_line(row: Row[str, str]) -> BatchLine:
    scope = CallScope(row.run_id, row.item_id, row.role, row.prompt_id, row.prompt_sha, row.sample_index)
    request = None if row.request_json is None else json.loads(row.request_json)
    return BatchLine(scope, row.key, row.model, request, row.sent, Spent(row.held_usd, row.held_tokens))


def _decode(row: Row[int, str]) -> StoredBatch:
    price = None if row.price_in_usd is None else Price(row.price_in_usd, row.price_out_usd)
    return StoredBatch(
        row.batch_id, row.run_id, row.model, row.n_lines, price, row.budget, row.file_id, row.claimed_at_s, row.vendor_id, row.created_at_s
    )  # fmt: skip
