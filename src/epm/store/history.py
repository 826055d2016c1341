"""Everything the store knows of one pair: who was asked what, what came back, what was decided and how it was judged.

For blame analysis. Events stand in the order of time, run by run; calls made outside a run (``epm match``, ``epm bench``)
come last. Prompts and replies are those of the cache, and of failed calls those kept beside their ledger rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Connection, select

from epm.decision import Decision
from epm.errors import ErrorClass, StoreError
from epm.gateway.ledger import CachedReply, CallRecord
from epm.judgement import Judgement
from epm.pair import Pair
from epm.store import codec
from epm.store.records import RunRecord
from epm.store.schema import cache, calls, decisions, failed_replies, items, judgements, pairs, rationales
from epm.store.store import RunStore
from epm.store.stored_row import StoredRow

_SHOWN_PAIRS = 5


@dataclass(frozen=True, slots=True)
class Useless:
    """Why the reply that a call brought was of no use: found at once, or by the schema or the checks afterwards."""

    error_class: ErrorClass
    reason: str


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A call, or a cache hit; ``kept`` is request and reply where they are held, ``at_s`` the time of sending.

    ``useless`` is set where ``kept`` holds a failed reply.
    """

    at_s: float
    call: CallRecord
    kept: CachedReply | None
    useless: Useless | None = None


@dataclass(frozen=True, slots=True)
class DecisionEvent:
    """An attempt on the item, finished at ``at_s``: done or failed."""

    at_s: float
    attempt: int
    state: str
    pair: Pair
    decision: Decision


@dataclass(frozen=True, slots=True)
class JudgementEvent:
    """A judgement on the pair's rationale."""

    at_s: float
    judgement: Judgement


Event = CallEvent | DecisionEvent | JudgementEvent


@dataclass(frozen=True, slots=True)
class PairInRun:
    """What one run did with the pair; ``run`` is ``None`` for calls outside any run."""

    run: RunRecord | None
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class PairHistory:
    """What every run did with the pair, the oldest run first."""

    pair_id: str
    runs: tuple[PairInRun, ...]

    def pair(self) -> Pair | None:
        """The pair as the latest attempt saw it; ``None`` when no attempt was finished."""
        events = [event for part in self.runs for event in part.events if isinstance(event, DecisionEvent)]
        return max(events, key=lambda event: event.at_s).pair if events else None


def pair_history(store: RunStore, pair_id: str, *, run: str | None = None) -> PairHistory:
    """The history of a pair, in one run or in all.

    Raises:
        StoreError: no such run, or the pair is in none of them; names some that are.
    """
    wanted = {record.run_id: record for record in ([store.run(run)] if run is not None else store.runs())}
    parts = [PairInRun(record, events) for run_id, record in wanted.items() if (events := _events(store, run_id, pair_id))]
    parts.sort(key=lambda part: part.events[0].at_s)
    loose = () if run is not None else _events(store, None, pair_id)
    if not parts and not loose:
        where = "any run" if run is None else f"run {next(iter(wanted))}"
        some = store.read(lambda connection: _some_pairs(connection, list(wanted)))
        known = f"pairs here: {', '.join(map(repr, some))}" if some else "no pair was decided there yet"
        raise StoreError(f"pair {pair_id!r} is not in {where} of store {store.place!r}; {known}")
    return PairHistory(pair_id, (*parts, *([PairInRun(None, loose)] if loose else [])))


def _some_pairs(connection: Connection, run_ids: list[str]) -> list[str]:
    query = select(items.c.item_id).where(items.c.run_id.in_(run_ids[:1])).limit(_SHOWN_PAIRS)
    return [str(name) for name in connection.execute(query).scalars()]


def _events(store: RunStore, run_id: str | None, pair_id: str) -> tuple[Event, ...]:
    def read(connection: Connection) -> list[Event]:
        found: list[Event] = list(_calls(connection, run_id, pair_id))
        if run_id is not None:
            found += [*_decisions(connection, run_id, pair_id), *_judgements(connection, run_id, pair_id)]
        return found

    # sorting keeps the order in which rows were written where times are equal
    return tuple(sorted(store.read(read), key=lambda event: event.at_s))


def _calls(connection: Connection, run_id: str | None, pair_id: str) -> Iterator[CallEvent]:
    of_run: ColumnElement[bool] = calls.c.run_id.is_(None) if run_id is None else calls.c.run_id == run_id
    failed = (failed_replies.c.row_json.label("failed_json"), failed_replies.c.error_class.label("useless_class"), failed_replies.c.reason)
    query = select(calls, cache.c.row_json, *failed).outerjoin(cache, cache.c.key == calls.c.key)
    query = query.outerjoin(failed_replies, failed_replies.c.call_id == calls.c.call_id)
    for row in _rows(connection, query.where(of_run, calls.c.item_id == pair_id).order_by(calls.c.call_id)):
        call, kept, useless = codec.decode_call(row), row["row_json"], None
        if row["failed_json"] is not None:
            kept, useless = row["failed_json"], _useless(row)
        yield CallEvent(call.started_at_s, call, None if kept is None else codec.decode_kept(row["key"], kept), useless)


def _useless(row: Mapping[str, object]) -> Useless:
    stored = StoredRow("failed_replies", {**row, "error_class": row["useless_class"]}, "call_id")
    return Useless(stored.one_of(ErrorClass, "error_class"), stored.text("reason"))


def _decisions(connection: Connection, run_id: str, pair_id: str) -> Iterator[DecisionEvent]:
    same_attempt = (
        (decisions.c.run_id == items.c.run_id) & (decisions.c.item_id == items.c.item_id) & (decisions.c.attempt == items.c.attempt)
    )
    query = (
        select(decisions, items.c.state, items.c.finished_at_s, items.c.pair_sha, pairs.c.pair_json, rationales.c.rationale_json)
        .join(items, same_attempt)
        .outerjoin(pairs, pairs.c.pair_sha == items.c.pair_sha)
        .outerjoin(rationales, rationales.c.rationale_sha == decisions.c.rationale_sha)
        .where(decisions.c.run_id == run_id, decisions.c.pair_id == pair_id)
    )
    for row in _rows(connection, query.order_by(decisions.c.attempt)):
        decision = codec.decode_decision(row, row["rationale_json"])
        at_s, attempt = cast(float, row["finished_at_s"]), cast(int, row["attempt"])
        yield DecisionEvent(at_s, attempt, str(row["state"]), _pair(row), decision)


def _pair(row: Mapping[str, object]) -> Pair:
    return codec.decode_pair(cast(str, row["pair_json"]), sha=cast(str, row["pair_sha"]))


def _judgements(connection: Connection, run_id: str, pair_id: str) -> Iterator[JudgementEvent]:
    query = select(judgements).where(judgements.c.run_id == run_id, judgements.c.pair_id == pair_id)
    for row in _rows(connection, query.order_by(judgements.c.judgement_id)):
        yield JudgementEvent(cast(float, row["created_at_s"]), codec.decode_judgement(row))


def _rows(connection: Connection, query: object) -> Iterator[Mapping[str, object]]:
    yield from cast("Iterator[Mapping[str, object]]", connection.execute(query).mappings())  # type: ignore[call-overload]
