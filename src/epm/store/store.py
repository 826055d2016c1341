"""The run store: what was asked, answered, decided and judged, durable at every moment.

    with RunStore.open(".epm/store.db") as store:
        run = store.begin(spec)
        todo = [pair for pair in pairs if pair.id not in store.done_ids(run.run_id)]
        ...
        await store.finish_item(run.run_id, ItemResult(pair.id, pair, decision))
        store.finish_run(run.run_id, RunStatus.DONE)

Invariants: one writer thread; an ``await`` on a write ends after its commit; an item has at most one done attempt, and
its decision, pair and rationale are committed with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar, cast
from uuid import uuid4

from sqlalchemy import Connection, Select, func, select, update

from epm.errors import ErrorClass, StoreError
from epm.gateway.bounds import Spent
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.request import CallScope
from epm.judgement import Judgement
from epm.store import codec
from epm.store.beginning import begin, set_running, spec_sha
from epm.store.budgets import StoredBudget, open_budget, spent_on
from epm.store.connect import Opened, connect, connect_to_read
from epm.store.failures import told_as_failure
from epm.store.item_writing import add_judgements, finish_item, record_call, reject_reply
from epm.store.leases import live_leases
from epm.store.place import AnyPlace, StorePlace
from epm.store.records import ItemResult, RunHandle, RunRecord, RunSpec, RunStatus, RunSummary, StoredItem
from epm.store.review_queue import told_by_people, votes_of
from epm.store.schema import cache, calls, decisions, items, judgements, pairs, rationales, runs
from epm.store.stored_row import DamagedRowError
from epm.store.summary import summarise
from epm.store.writer import StoreWriter

_ROWS_AT_ONCE = 500
_RECENT_RUNS = 5

R = TypeVar("R")


class RunStore:
    """The run store; a context manager. Also the gateway's ``CallLog``."""

    def __init__(self, opened: Opened) -> None:
        self.place = opened.place
        self.owner = uuid4().hex  # of the leases that are taken through this store
        self._reader = opened.reader
        self._writing_engine = opened.writer
        self._opened = None if opened.writer is None else StoreWriter(opened.writer, place=opened.place, patience=opened.patience)

    @classmethod
    def open(cls, place: AnyPlace, *, must_exist: bool = False) -> Self:
        """The store at a place: a file or a server's database, made (the file's folder too) unless ``must_exist``.

        Raises:
            StoreError: the place cannot be used; names it and the remedy.
        """
        return cls(connect(StorePlace.of(place), must_exist=must_exist))

    @classmethod
    def open_to_read(cls, place: AnyPlace) -> Self:
        """The store as it stands there: nothing of it changes, also where nothing can be written.

        Raises:
            StoreError: there is none, or it cannot be read.
        """
        return cls(connect_to_read(StorePlace.of(place)))

    def close(self) -> None:
        """Commit what is queued and let go of the file."""
        if self._opened is not None:
            self._opened.close()
        if self._writing_engine is not None:
            self._writing_engine.dispose()
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Runs

    def begin(self, spec: RunSpec, *, fresh: bool = False) -> RunHandle:
        """The run of this spec: the latest one, to be resumed, or a new one; ``fresh`` always makes a new one.

        Raises:
            RunHeldError: another process works on it.
        """
        return self.write(lambda connection: begin(connection, spec, self.owner, fresh=fresh))

    def find(self, spec: RunSpec) -> str | None:
        """The id of the latest run of this spec, which stays as it is."""
        query = select(runs.c.run_id).where(runs.c.spec_sha == spec_sha(spec)).order_by(runs.c.repeat.desc()).limit(1)
        return self.read(lambda connection: connection.execute(query).scalar_one_or_none())

    def resume(self, run_id: str) -> RunHandle:
        """A run that is known already, taken up again as it stands, whichever repetition of its spec it is."""
        run, n_done = self.run(run_id), len(self.done_ids(run_id))
        self.write(lambda connection: set_running(connection, run.run_id, run.spec.command, self.owner))
        return RunHandle(run.run_id, run.repeat, n_done, is_resumed=True)

    def finish_run(self, run_id: str, status: RunStatus | str) -> None:
        """Set how the run ended."""
        values = {"status": RunStatus(status).value, "finished_at_s": time.time()}
        self.write(lambda connection: connection.execute(update(runs).where(runs.c.run_id == run_id).values(values)).rowcount)

    def runs(self) -> list[RunRecord]:
        """Every run, the latest first; raises for a damaged one."""
        return self._as_held([codec.decode_run(row) for row in self._run_rows()])

    def readable_runs(self) -> tuple[list[RunRecord], list[DamagedRowError]]:
        """Every run that can be read, the latest first, and what is wrong with the others."""
        found: list[RunRecord] = []
        damaged: list[DamagedRowError] = []
        for row in self._run_rows():
            try:
                found.append(codec.decode_run(row))
            except DamagedRowError as error:
                damaged.append(error)
        return self._as_held(found), damaged

    def _as_held(self, found: list[RunRecord]) -> list[RunRecord]:
        """The runs, where one that was begun and that no process works on any more was interrupted."""
        if all(run.status is not RunStatus.RUNNING for run in found):
            return found
        held = {(lease.run_id, lease.work) for lease in self.read(live_leases)}
        return [
            run
            if run.status is not RunStatus.RUNNING or (run.run_id, run.spec.command) in held
            else replace(run, status=RunStatus.INTERRUPTED)
            for run in found
        ]

    def _run_rows(self) -> Iterator[Mapping[str, object]]:
        return self._rows(select(runs).order_by(runs.c.created_at_s.desc(), runs.c.run_id))

    def run(self, run_id_or_prefix: str) -> RunRecord:
        """The run of that id or unambiguous prefix.

        Raises:
            StoreError: none or several; lists recent runs.
        """
        prefixed = select(runs).where(runs.c.run_id.startswith(run_id_or_prefix, autoescape=True))
        found = self._as_held([codec.decode_run(row) for row in self._rows(prefixed)])
        if len(found) == 1:
            return found[0]
        recent = ", ".join(f"{run.run_id} ({run.spec.command})" for run in (found or self.readable_runs()[0])[:_RECENT_RUNS]) or "none yet"
        state = "is ambiguous" if found else "is unknown"
        raise StoreError(f"run {run_id_or_prefix!r} {state} in store {self.place!r}; runs here: {recent}")

    def run_summary(self, run_id_or_prefix: str) -> RunSummary:
        """The run in figures: items, failures by class with an example each, calls, tokens, cost, latency."""
        run = self.run(run_id_or_prefix)
        return self.read(lambda connection: summarise(connection, run))

    # Items

    def done_ids(self, run_id: str) -> set[str]:
        """The items that reached their last step; all others are to be done (again)."""
        query = select(items.c.item_id).where(items.c.run_id == run_id, items.c.state == "done")
        return {str(row["item_id"]) for row in self._rows(query)}

    async def finish_item(self, run_id: str, result: ItemResult) -> None:
        """Write an item with its pair, decision, rationale and judgements, all or nothing; the first done attempt stands."""
        await asyncio.wrap_future(self._write(lambda connection: finish_item(connection, run_id, result)))
        self._writer.raise_lost()

    def items(self, run_id: str, *, only: Sequence[str] | None = None) -> Iterator[StoredItem]:
        """The standing result of every item, or of a few hundred named ones, by item id; what people say of it stands in its provenance."""
        votes = self.read(lambda connection: votes_of(connection, run_id))
        latest = select(items.c.item_id, func.max(items.c.attempt).label("attempt")).where(items.c.run_id == run_id)
        standing = latest.group_by(items.c.item_id).subquery()
        query = (
            select(items.c.item_id, items.c.pair_sha, pairs.c.pair_json, rationales.c.rationale_json, decisions)
            .join(standing, (standing.c.item_id == items.c.item_id) & (standing.c.attempt == items.c.attempt))
            .join(
                decisions,
                (decisions.c.run_id == items.c.run_id)
                & (decisions.c.item_id == items.c.item_id)
                & (decisions.c.attempt == items.c.attempt),
            )
            .outerjoin(pairs, pairs.c.pair_sha == items.c.pair_sha)  # one that is gone is told, not left out
            .outerjoin(rationales, rationales.c.rationale_sha == decisions.c.rationale_sha)
            .where(items.c.run_id == run_id, *([] if only is None else [items.c.item_id.in_(only)]))
            .order_by(items.c.item_id)
        )
        for row in self._rows(query):
            decision = told_by_people(codec.decode_decision(row, row["rationale_json"]), votes.get(str(row["item_id"])))
            pair = codec.decode_pair(cast(str, row["pair_json"]), sha=cast(str, row["pair_sha"]))
            yield StoredItem(str(row["item_id"]), pair, decision, cast(int, row["attempt"]))

    # Judgements

    async def add_judgements(self, run_id: str, added: Sequence[Judgement]) -> None:
        """Write judgements in one transaction."""
        await asyncio.wrap_future(self._write(lambda connection: add_judgements(connection, run_id, added)))
        self._writer.raise_lost()

    def judgements(self, run_id: str) -> Iterator[Judgement]:
        """The latest judgement of each judge on each rationale, in the order in which they were written."""
        key = (judgements.c.pair_id, judgements.c.rationale_sha, judgements.c.judge)
        latest = select(func.max(judgements.c.judgement_id)).where(judgements.c.run_id == run_id).group_by(*key)
        query = select(judgements).where(judgements.c.judgement_id.in_(latest)).order_by(judgements.c.judgement_id)
        for row in self._rows(query):
            yield codec.decode_judgement(row)

    # Calls: the gateway's ledger and cache

    def calls(self, run_id: str) -> Iterator[CallRecord]:
        """The run's ledger in the order in which it was written, cache hits included."""
        for row in self._rows(select(calls).where(calls.c.run_id == run_id).order_by(calls.c.call_id)):
            yield codec.decode_call(row)

    def cached(self, key: str) -> CachedReply | None:
        """The reply kept under a key."""
        query = select(cache.c.row_json).where(cache.c.key == key)
        row_json = self.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return None if row_json is None else codec.decode_kept(key, row_json)

    async def record_call(self, call: CallRecord, reply: CachedReply | None) -> None:
        """Write a ledger row and its reply in one transaction: into the cache, or beside the row of a failed call."""
        await asyncio.wrap_future(self._write(lambda connection: record_call(connection, call, reply)))

    def post_call(self, call: CallRecord) -> None:
        """Write a ledger row that nobody waits for; where that fails, the next item or judgement to be written says so."""
        self._writer.post(lambda connection: record_call(connection, call, None))

    async def reject(self, key: str, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
        """Move a reply out of the cache, to the ledger row of the latest call that brought it."""
        await asyncio.wrap_future(self._write(lambda connection: reject_reply(connection, key, scope, error_class, reason)))

    # Money

    def spent(self, run_id: str, item_id: str | None, *, judging: bool) -> Spent:
        """What the calls of a run, or of one of its items, took: those of judges, or all others."""
        return self.read(lambda connection: spent_on(connection, run_id, item_id, judging=judging))

    def budget(self, name: str, max_cost_usd: float | None) -> StoredBudget:
        """The named budget, made or changed to that cap.

        Raises:
            ConfigError: there is none of that name, and no cap is given to make it.
        """
        self.write(lambda connection: open_budget(connection, name, max_cost_usd))
        return StoredBudget(name, self._writer, self._reader)

    # For the modules beside this one, which read and write what has no method of its own

    def read(self, operation: Callable[[Connection], R]) -> R:
        """What an operation reads."""
        with told_as_failure(self.place), self._reader.connect() as connection:
            return operation(connection)

    def write(self, operation: Callable[[Connection], R]) -> R:
        """What an operation in the writer's thread returns, after its commit; what it raises undoes it."""
        return self._write(operation).result()

    @property
    def _writer(self) -> StoreWriter:
        if self._opened is None:
            raise StoreError(f"store {self.place!r} was opened to be read only; nothing can be written to it")
        return self._opened

    def _write(self, operation: Callable[[Connection], R]) -> Future[R]:
        return self._writer.submit(operation)

    def _rows(self, query: Select[tuple[object, ...]]) -> Iterator[Mapping[str, object]]:
        with told_as_failure(self.place), self._reader.connect() as connection:
            streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            yield from cast("Iterable[Mapping[str, object]]", streamed.mappings())
