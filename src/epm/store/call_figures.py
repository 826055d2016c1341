"""What a run's calls came to, read off the ledger: the figure that caps count, ``runs show`` prints and reports repeat."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from epm.errors import ErrorClass
from epm.gateway.bounds import JUDGE_ROLES
from epm.gateway.request import CallScope
from epm.store import codec
from epm.store.schema import calls


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Physical calls, those without a usable reply among them, cache hits, calls of unknown price, and USD of the others."""

    n_sent: int = 0
    n_failed: int = 0
    n_cached: int = 0
    n_unpriced: int = 0
    cost_usd: float = 0.0

    def since(self, before: CallFigures) -> CallFigures:
        """What was added to earlier figures of the same ledger."""
        return CallFigures(
            self.n_sent - before.n_sent, self.n_failed - before.n_failed, self.n_cached - before.n_cached,
            self.n_unpriced - before.n_unpriced, self.cost_usd - before.cost_usd,
        )  # fmt: skip


def call_figures(connection: Connection, run_id: str, *, judging: bool) -> CallFigures:
    """The figures of a run's calls so far, of every command that worked on it: those of judges, or all others."""
    is_physical, is_judge = calls.c.is_cached.is_(False), calls.c.role.startswith(JUDGE_ROLES)

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    figures = select(
        count(is_physical), count(and_(is_physical, calls.c.error_class.is_not(None))), count(calls.c.is_cached),
        count(and_(is_physical, calls.c.cost_usd.is_(None))), func.coalesce(func.sum(calls.c.cost_usd), 0.0),
    )  # fmt: skip
    n_sent, n_failed, n_cached, n_unpriced, cost_usd = connection.execute(
        figures.where(calls.c.run_id == run_id, is_judge if judging else ~is_judge)
    ).one()
    return CallFigures(int(n_sent), int(n_failed), int(n_cached), int(n_unpriced), float(cost_usd))


@dataclass(frozen=True, slots=True)
class ItemCalls:
    """What the calls of one item took: physical ones, those of unknown price among them, cache hits, tokens in and out, USD."""

    n_sent: int = 0
    n_unpriced: int = 0
    n_cached: int = 0
    n_tokens: int = 0
    cost_usd: float = 0.0


def calls_by_item(connection: Connection, run_id: str) -> dict[str, ItemCalls]:
    """What each item of a run took, of all attempts and without its judges.

    Raises:
        DamagedRowError: a call's cost, tokens or error class is none: a sum would take it for 0.
    """
    require_sound_calls(connection, run_id)
    is_physical, tokens = calls.c.is_cached.is_(False), calls.c.prompt_tokens + calls.c.completion_tokens

    def total(value: ColumnElement[int] | int, condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, value), else_=0)), 0)

    query = select(
        calls.c.item_id, total(1, is_physical), total(1, and_(is_physical, calls.c.cost_usd.is_(None))), total(1, calls.c.is_cached),
        total(tokens, is_physical), func.coalesce(func.sum(calls.c.cost_usd), 0.0),
    ).where(calls.c.run_id == run_id, ~calls.c.role.startswith(JUDGE_ROLES), calls.c.item_id.is_not(None))  # fmt: skip
    rows = connection.execute(query.group_by(calls.c.item_id))
    return {
        item_id: ItemCalls(int(sent), int(unpriced), int(cached), int(n), float(usd)) for item_id, sent, unpriced, cached, n, usd in rows
    }


def require_sound_calls(connection: Connection, run_id: str) -> None:
    """Nothing, when what is summed over a run's calls is of the kind that was written.

    Raises:
        DamagedRowError: it is not.
    """
    if connection.dialect.name != "sqlite":
        return  # other databases let no text into a column of numbers
    figures = (calls.c.cost_usd, calls.c.prompt_tokens, calls.c.completion_tokens, calls.c.latency_s)
    is_damaged = calls.c.error_class.is_not(None) & calls.c.error_class.not_in(list(ErrorClass))
    for column in figures:
        is_damaged |= func.typeof(column).not_in(("real", "integer", "null"))
    for row in connection.execute(select(calls).where(calls.c.run_id == run_id, is_damaged).limit(1)).mappings():
        codec.decode_call(dict(row))


def was_answered(connection: Connection, scope: CallScope) -> bool:
    """True when a call of this role in this run, or in no run where it belongs to none, ever brought a usable reply."""
    is_kind = calls.c.run_id.is_not_distinct_from(scope.run_id) & (calls.c.role == scope.role)
    return connection.execute(select(calls.c.role).where(is_kind, calls.c.error_class.is_(None)).limit(1)).first() is not None
