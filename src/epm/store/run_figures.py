"""How far every run of a store came and what it cost, in a handful of queries whatever their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Connection, case, distinct, func, literal, select

from epm.store.review_queue import waiting_by_run
from epm.store.schema import calls, items, launches
from epm.store.stored_row import DamagedRowError, StoredRow

INPUT_NAME = "input_name"
"""Where a launch keeps the name of the file that it read: no part of what the run is, which is the content."""
N_PAIRS = "n_indexed_pairs"
"""Where a launch keeps how many pairs the run has been about so far."""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Items of a run: done, failed, and those of the done ones that wait for a person; ``n_items`` in all where that was kept.

    ``cost_usd`` is of all calls with a price, judges' included; ``None`` where a call's cost is damaged. ``input_name`` is
    ``None`` for an import, and for a run of an epm that did not keep it.
    """

    n_done: int = 0
    n_failed: int = 0
    n_waiting: int = 0
    n_items: int | None = None
    cost_usd: float | None = 0.0
    input_name: str | None = None


def figures_by_run(connection: Connection) -> dict[str, RunFigures]:
    """The figures of each run that has any, by run id."""
    n_done, n_seen = _items(connection)
    costs, waiting, inputs = _costs(connection), waiting_by_run(connection), _inputs(connection)
    return {
        run_id: RunFigures(
            n_done.get(run_id, 0), n_seen.get(run_id, 0) - n_done.get(run_id, 0), waiting.get(run_id, 0),
            inputs.get(run_id, (None, None))[1], costs.get(run_id, 0.0), inputs.get(run_id, (None, None))[0],
        )
        for run_id in {*n_seen, *costs, *inputs}
    }  # fmt: skip


def _items(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Done items and all that were tried, by run: an item has one done attempt at most."""
    is_done = func.sum(case((items.c.state == "done", 1), else_=0))
    query = select(items.c.run_id, is_done, func.count(distinct(items.c.item_id))).group_by(items.c.run_id)
    rows = list(connection.execute(query))
    return {run_id: int(n_done) for run_id, n_done, _ in rows}, {run_id: int(n_seen) for run_id, _, n_seen in rows}


def _costs(connection: Connection) -> dict[str, float | None]:
    cost_usd = func.coalesce(func.sum(calls.c.cost_usd), 0.0)
    n_damaged: ColumnElement[int] = literal(0)
    if connection.dialect.name == "sqlite":  # other databases let no text into a column of numbers; a sum would take it for 0
        n_damaged = func.sum(case((func.typeof(calls.c.cost_usd).in_(("real", "integer", "null")), 0), else_=1))
    query = select(calls.c.run_id, cost_usd, n_damaged).where(calls.c.run_id.is_not(None)).group_by(calls.c.run_id)
    return {run_id: None if damaged else float(usd) for run_id, usd, damaged in connection.execute(query)}


def _inputs(connection: Connection) -> dict[str, tuple[str | None, int | None]]:
    """Name and pairs of the latest launch that tells them, by run; a damaged launch tells nothing."""
    found: dict[str, tuple[str | None, int | None]] = {}
    query = select(launches.c.launch_id, launches.c.run_id, launches.c.settings_json).order_by(launches.c.launch_id)
    for row in connection.execute(query).mappings():
        stored = StoredRow("launches", cast("Mapping[str, object]", row), "launch_id")
        try:
            settings, run_id = stored.json_object("settings_json"), stored.text("run_id")
        except DamagedRowError:
            continue
        name, n_pairs = settings.get(INPUT_NAME), settings.get(N_PAIRS)
        before = found.get(run_id, (None, None))
        found[run_id] = (name if isinstance(name, str) else before[0], n_pairs if isinstance(n_pairs, int) else before[1])
    return found
