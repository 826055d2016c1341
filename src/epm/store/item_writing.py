"""The writes of a run, each within the transaction that it is handed: an item whole, judgements, a call with its reply."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from epm.decision import Outcome
from epm.gateway.ledger import CachedReply, CallRecord
from epm.judgement import Judgement
from epm.store import codec
from epm.store.missing import insert_missing
from epm.store.records import ItemResult
from epm.store.review_queue import add_waiting, queued
from epm.store.schema import cache, calls, decisions, items, judgements, pairs, rationales


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


def record_call(connection: Connection, call: CallRecord, kept: CachedReply | None) -> None:
    """Write a ledger row, and the cache row if there is one."""
    connection.execute(insert(calls).values(codec.encode_call(call)))
    if kept is not None:
        insert_missing(connection, cache, {"key": kept.key, "row_json": kept.to_json(), "created_at_s": time.time()})
