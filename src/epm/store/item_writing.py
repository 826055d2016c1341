"""The writes of a run, each within the transaction that it is handed: an item whole, judgements, a call with its reply."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from epm.decision import Outcome
from epm.errors import ErrorClass
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.request import CallScope
from epm.judgement import Judgement
from epm.store import codec
from epm.store.missing import insert_missing
from epm.store.records import ItemResult
from epm.store.review_queue import add_waiting, queued
from epm.store.schema import cache, calls, decisions, failed_replies, items, judgements, pairs, rationales

_REASON_CHARS = 1_000
"""More than the longest list of a schema's faults that a repair shows; a reason is no second copy of the reply."""


def finish_item(connection: Connection, run_id: str, result: ItemResult) -> None:
    """Write an item with all that belongs to it, unless it has a done attempt."""
    of_item = (items.c.run_id == run_id) & (items.c.item_id == result.item_id)
    earlier = connection.execute(select(items.c.attempt, items.c.state).where(of_item)).all()
    if any(state == "done" for _, state in earlier):
        return
    key = {"run_id": run_id, "item_id": result.item_id, "attempt": 1 + max((attempt for attempt, _ in earlier), default=0)}
    state = "failed" if result.decision.outcome is Outcome.FAILED else "done"
    pair_json = codec.encode_pair(result.pair)
    pair_sha = codec.sha_of(pair_json)
    insert_missing(connection, pairs, {"pair_sha": pair_sha, "pair_json": pair_json})
    rationale = result.decision.rationale
    if rationale is not None:
        insert_missing(connection, rationales, {"rationale_sha": rationale.sha(), "rationale_json": codec.encode_rationale(rationale)})
    connection.execute(insert(items).values(**key, state=state, pair_sha=pair_sha, finished_at_s=time.time()))
    decision, checkpoint = queued(result.decision)
    connection.execute(insert(decisions).values(**key, **codec.encode_decision(decision)))
    add_waiting(connection, key, decision, checkpoint)
    add_judgements(connection, run_id, result.judgements)


def add_judgements(connection: Connection, run_id: str, added: Sequence[Judgement]) -> None:
    """Write judgements as of now."""
    now_s = time.time()
    rows = [{"run_id": run_id, "created_at_s": now_s, **codec.encode_judgement(judgement)} for judgement in added]
    if rows:
        connection.execute(insert(judgements), rows)


def record_call(connection: Connection, call: CallRecord, reply: CachedReply | None) -> None:
    """Write a ledger row and its reply, if one came: into the cache, or beside the row where the call failed."""
    [call_id] = connection.execute(insert(calls).values(codec.encode_call(call))).inserted_primary_key or [None]
    if reply is None:
        return
    if call.error_class is None:
        insert_missing(connection, cache, {"key": reply.key, "row_json": reply.to_json(), "created_at_s": time.time()})
    else:
        _add_failed(connection, call_id, call.error_class, call.error or "", reply.to_json())


def reject_reply(connection: Connection, key: str, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
    """Move a reply that proved useless from the cache to the ledger row of the item's latest call that brought it."""
    row_json = connection.execute(select(cache.c.row_json).where(cache.c.key == key)).scalar_one_or_none()
    of_item = calls.c.run_id.is_not_distinct_from(scope.run_id) & calls.c.item_id.is_not_distinct_from(scope.item_id)
    brought = select(func.max(calls.c.call_id)).where(calls.c.key == key, of_item, calls.c.error_class.is_(None))
    call_id = connection.execute(brought).scalar_one_or_none()
    connection.execute(delete(cache).where(cache.c.key == key))
    if row_json is not None and call_id is not None:
        _add_failed(connection, call_id, error_class, reason, row_json)


def _add_failed(connection: Connection, call_id: object, error_class: ErrorClass, reason: str, row_json: str) -> None:
    row = {"call_id": call_id, "error_class": error_class.value, "reason": codec.storable(reason)[:_REASON_CHARS], "row_json": row_json}
    insert_missing(connection, failed_replies, {**row, "created_at_s": time.time()})
