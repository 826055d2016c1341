"""Named budgets: one cap that several runs and commands draw on, also from processes beside each other.

``charged_usd`` holds what was spent and the worst case of every call in flight. A killed process leaves its calls in flight
charged at their worst, for nobody knows what they were billed.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from epm.errors import ConfigError
from epm.gateway.bounds import JUDGE_ROLES, Spent
from epm.store.schema import batch_lines, budgets, calls
from epm.store.writer import StoreWriter

_ROUNDING_USD = 1e-9


class StoredBudget:
    """One named budget of a store; every charge is durable before its call is sent."""

    def __init__(self, name: str, writer: StoreWriter, reader: Engine) -> None:
        self.name = name
        self._writer = writer
        self._reader = reader

    async def take(self, cost_usd: float) -> bool:
        """Charge the amount if it fits, all or nothing; returns when it is durable."""
        taking = self._writer.submit(lambda connection: charge(connection, self.name, cost_usd, is_bounded=True))
        try:
            return await asyncio.shield(asyncio.wrap_future(taking))
        except asyncio.CancelledError:
            taking.add_done_callback(lambda taken: self._give_back(taken, cost_usd))  # the caller is gone, the charge may come
            raise

    def settle(self, held_usd: float, cost_usd: float) -> None:
        """Replace an amount taken by what was really spent."""
        if held_usd != cost_usd:
            self._writer.post(lambda connection: charge(connection, self.name, cost_usd - held_usd, is_bounded=False))

    def refusal(self, cost_usd: float) -> str:
        """Why the amount does not fit, and what to do."""
        row = self._row()
        return (
            f"the budget {self.name!r} is reached: ${row.charged_usd:.4f} of ${row.max_cost_usd:.4f} spent or in flight, "
            f"the next call may cost ${cost_usd:.4f}; repeat the command with a larger --max-cost-usd beside --budget to go on"
        )

    def left_usd(self) -> float:
        """What is not charged yet."""
        row = self._row()
        return float(max(0.0, row.max_cost_usd - row.charged_usd))

    def _row(self) -> Row[float, float]:
        with self._reader.connect() as connection:
            query = select(budgets.c.max_cost_usd, budgets.c.charged_usd).where(budgets.c.name == self.name)
            return connection.execute(query).one()

    def _give_back(self, taking: Future[bool], cost_usd: float) -> None:
        if not taking.cancelled() and taking.exception() is None and taking.result():
            self.settle(cost_usd, 0.0)


def open_budget(connection: Connection, name: str, max_cost_usd: float | None) -> None:
    """Make the budget, or change its cap; with no cap it must exist.

    Raises:
        ConfigError: it does not; lists those that do.
    """
    is_named = budgets.c.name == name
    exists = connection.execute(select(budgets.c.name).where(is_named)).first() is not None
    if max_cost_usd is None and not exists:
        known = ", ".join(connection.execute(select(budgets.c.name).order_by(budgets.c.name)).scalars()) or "none yet"
        raise ConfigError(
            f"budget {name!r} is unknown in this store (budgets here: {known}); make it by giving --max-cost-usd beside --budget"
        )
    if exists and max_cost_usd is not None:
        connection.execute(update(budgets).where(is_named).values(max_cost_usd=max_cost_usd))
    elif not exists:
        connection.execute(insert(budgets).values(name=name, max_cost_usd=max_cost_usd, charged_usd=0.0, created_at_s=time.time()))


def spent_on(connection: Connection, run_id: str, item_id: str | None, *, judging: bool) -> Spent:
    """What the calls of a run, or of one item, took in the ledger: those of judges, or all others.

    Judges' calls that wait in a batch count at their worst case.
    """
    is_judge = calls.c.role.startswith(JUDGE_ROLES)
    query = select(
        func.coalesce(func.sum(calls.c.cost_usd), 0.0), func.coalesce(func.sum(calls.c.prompt_tokens + calls.c.completion_tokens), 0)
    ).where(calls.c.run_id == run_id, calls.c.is_cached.is_(False), is_judge if judging else ~is_judge)
    cost_usd, tokens = connection.execute(query if item_id is None else query.where(calls.c.item_id == item_id)).one()
    if not judging:
        return Spent(float(cost_usd), int(tokens))
    held = select(
        func.coalesce(func.sum(batch_lines.c.held_usd), 0.0), func.coalesce(func.sum(batch_lines.c.held_tokens), 0)
    ).where(batch_lines.c.run_id == run_id, batch_lines.c.batch_id.is_not(None))  # fmt: skip
    held_usd, held_tokens = connection.execute(held if item_id is None else held.where(batch_lines.c.item_id == item_id)).one()
    return Spent(float(cost_usd + held_usd), int(tokens + held_tokens))


def charge(connection: Connection, name: str, cost_usd: float, *, is_bounded: bool) -> bool:
    """True when the amount was charged; an unbounded charge always is."""
    changing = update(budgets).where(budgets.c.name == name).values(charged_usd=budgets.c.charged_usd + cost_usd)
    if is_bounded:
        changing = changing.where(budgets.c.charged_usd + cost_usd <= budgets.c.max_cost_usd + _ROUNDING_USD)
    return connection.execute(changing).rowcount == 1
