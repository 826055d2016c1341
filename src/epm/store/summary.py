"""A run in figures, computed by the database."""

from __future__ import annotations

import json
from collections import Counter

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from epm.errors import ErrorClass
from epm.store.call_figures import require_sound_calls
from epm.store.causes import MAX_CAUSES, causes_of
from epm.store.records import FailureGroup, RunRecord, RunSummary, SentTo
from epm.store.schema import calls, decisions, failed_replies, items, launches

TRACED_TO = "traced_to"
"""Where a launch keeps the address that its graphs were traced to."""
_LOCAL = ("rules", "replay")
"""Transports that answer without leaving the machine."""


def summarise(connection: Connection, run: RunRecord) -> RunSummary:
    """The summary of a run.

    Raises:
        DamagedRowError: a call's cost, tokens or error class is none: a sum would take it for 0.
    """
    require_sound_calls(connection, run.run_id)
    is_done = and_(items.c.run_id == run.run_id, items.c.state == "done")
    n_done = connection.execute(select(func.count()).select_from(items).where(is_done)).scalar_one()
    failures, causes = _failures(connection, run.run_id), causes_of(connection, run.run_id)
    is_physical = calls.c.is_cached.is_(False)

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    def total(column: ColumnElement[int]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((is_physical, column), else_=0)), 0)

    figures = connection.execute(
        select(
            count(is_physical),
            count(is_physical & calls.c.error_class.is_not(None)),
            count(calls.c.is_cached),
            count(is_physical & calls.c.is_estimated),
            count(is_physical & calls.c.cost_usd.is_(None)),
            total(calls.c.prompt_tokens),
            total(calls.c.completion_tokens),
            func.coalesce(func.sum(calls.c.cost_usd), 0.0),
            func.avg(case((is_physical, calls.c.latency_s))),
        ).where(calls.c.run_id == run.run_id)
    ).one()
    models = select(calls.c.model_answered).distinct().where(calls.c.run_id == run.run_id, calls.c.model_answered.is_not(None))
    n_calls, n_failed, n_cached, n_estimated, n_unpriced, prompt_tokens, completion_tokens, cost_usd, mean_latency_s = figures
    return RunSummary(
        run, n_done, sum(group.n_items for group in failures), failures,
        n_calls=n_calls, n_calls_failed=n_failed, n_calls_cached=n_cached, n_calls_estimated=n_estimated, n_calls_unpriced=n_unpriced,
        prompt_tokens=int(prompt_tokens), completion_tokens=int(completion_tokens), cost_usd=cost_usd, mean_latency_s=mean_latency_s,
        models_answered=tuple(sorted(connection.execute(models).scalars())),
        sent=_sent(connection, run.run_id), n_sent_unrecorded=_n_unrecorded(connection, run.run_id),
        traced_to=_traced_to(connection, run.run_id),
        causes=tuple(causes[:MAX_CAUSES]), n_causes=len(causes), n_replies_refused=_n_refused(connection, run.run_id),
    )  # fmt: skip


def _sent(connection: Connection, run_id: str) -> tuple[SentTo, ...]:
    query = select(calls.c.host, calls.c.sent, func.count()).where(calls.c.run_id == run_id, calls.c.host.is_not(None))
    n_calls: Counter[str] = Counter()
    names: dict[str, set[str]] = {}
    for host, sent, n in connection.execute(query.group_by(calls.c.host, calls.c.sent)):
        n_calls[host] += n
        names.setdefault(host, set()).update((sent or "").split())
    return tuple(SentTo(host, n, tuple(sorted(names[host]))) for host, n in sorted(n_calls.items()))


def _traced_to(connection: Connection, run_id: str) -> tuple[str, ...]:
    kept = connection.execute(select(launches.c.settings_json).where(launches.c.run_id == run_id)).scalars()
    places = {json.loads(text).get(TRACED_TO) for text in kept}
    return tuple(sorted(place for place in places if place))


def _n_refused(connection: Connection, run_id: str) -> int:
    """Replies that came whole and were refused afterwards, by the schema or the checks."""
    refused = select(func.count()).select_from(failed_replies).join(calls, calls.c.call_id == failed_replies.c.call_id)
    return int(connection.execute(refused.where(calls.c.run_id == run_id, calls.c.error_class.is_(None))).scalar_one())


def _n_unrecorded(connection: Connection, run_id: str) -> int:
    is_unknown = calls.c.host.is_(None) & calls.c.is_cached.is_(False) & calls.c.transport.not_in(_LOCAL)
    return int(connection.execute(select(func.count()).where(calls.c.run_id == run_id, is_unknown)).scalar_one())


def _failures(connection: Connection, run_id: str) -> tuple[FailureGroup, ...]:
    latest = select(items.c.item_id, func.max(items.c.attempt).label("attempt")).where(items.c.run_id == run_id)
    standing = latest.group_by(items.c.item_id).subquery()
    of_run = decisions.c.run_id == run_id
    rows = connection.execute(
        select(decisions.c.error_class, func.count(), func.min(decisions.c.item_id))
        .join(standing, (standing.c.item_id == decisions.c.item_id) & (standing.c.attempt == decisions.c.attempt))
        .where(of_run, decisions.c.error_class.is_not(None))
        .group_by(decisions.c.error_class)
        .order_by(func.count().desc(), decisions.c.error_class)
    ).all()
    groups = []
    for error_class, n_items, example in rows:
        errors = select(decisions.c.error).where(of_run, decisions.c.item_id == example).order_by(decisions.c.attempt.desc()).limit(1)
        groups.append(FailureGroup(ErrorClass(error_class), n_items, example, connection.execute(errors).scalar_one() or ""))
    return tuple(groups)
