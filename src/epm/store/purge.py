"""Removing text from a store: of one listing wherever it stands, or of everything past an age. Figures are kept.

A listing's text stands in its pairs, in rationales, reasons and messages about them, in the prompts and replies of the
cache, its rivals' prompts included, and in the knowledge index. All of it goes; then the file is written anew, so that
the text is in none of its bytes. Pair files, exports, reports and cassettes are the user's own and are not touched.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, delete, func, or_, select

from epm.errors import StoreError
from epm.knowledge.catalogue import knowledge_folder, listing_entry_id
from epm.knowledge.forgetting import entries_about, entries_before, forget_entries
from epm.listing import Listing
from epm.pair import Pair
from epm.store import codec
from epm.store.blanking import (
    ItemRow,
    blank_call_errors,
    blank_judgements,
    blank_messages,
    blank_pair,
    blank_pairs,
    blank_reviews,
    blank_waiting_requests,
    drop_rationales,
)
from epm.store.compacting import compact, size_of
from epm.store.place import AnyPlace, StorePlace
from epm.store.purged import is_purged
from epm.store.schema import cache, calls, decisions, failed_replies, items, launches, pairs, runs
from epm.store.store import RunStore

_AT_ONCE = 500
_LEAST_CHARS = 8
"""A shorter title says too little to look for: it would drop replies about other listings."""
_SEARCHED_CHARS = 200
"""Prompts cut long texts; their beginning is always there."""


class What(StrEnum):
    """What a purge by age takes: kept prompts and replies, the texts of runs, or both and the knowledge index."""

    CACHE = "cache"
    RUNS = "runs"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What was removed, or with ``is_done`` false would be. Sizes are of the store's file, or of a server's tables."""

    is_done: bool
    n_items: int = 0
    n_pairs: int = 0
    n_rationales: int = 0
    n_judgements: int = 0
    n_call_errors: int = 0
    n_replies: int = 0
    n_knowledge: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return asdict(self)


class _OnlyCounted(Exception):  # noqa: N818  # no error: the way out of a transaction that must leave no trace
    def __init__(self, report: PurgeReport) -> None:
        super().__init__()
        self.report = report


def purge_listing(place: AnyPlace, listing_id: str, *, is_wanted: bool) -> PurgeReport:
    """The report of removing a listing's text from a store; without ``is_wanted`` nothing is changed.

    Raises:
        StoreError: no pair of the store has such a listing, or the file cannot be written anew.
    """
    with RunStore.open(place, must_exist=True) as store:
        found = store.read(partial(_pairs_of, listing_id=listing_id))
        if not found:
            raise StoreError(f"listing {listing_id!r} is in no pair of store {store.place!r}; give its id as it stands in the pair file")
        rows = store.read(partial(_rows_of, shas=set(found)))
        texts = [one for pair in found.values() for one in (pair.left, pair.right) if one.id == listing_id and not _is_blank(one)]
        folders = _index_folders(store, place)
        entries = entries_about(folders, {listing_entry_id(listing) for listing in texts}, {row.item_id for row in rows})
        blank = partial(_blank_listing, listing_id=listing_id)
        ids = {*entries, *(listing_entry_id(listing) for listing in texts)}
        report = _run(store, partial(_purge_listing, rows=rows, blank=blank, ids=sorted(ids), texts=_needles(texts)), is_wanted=is_wanted)
    return _finish(report, place, folders, entries)


def purge_older(place: AnyPlace, age_s: float, what: What, *, is_wanted: bool) -> PurgeReport:
    """The report of removing what is older than an age; a run is as old as its last activity. Without ``is_wanted`` nothing changes.

    Raises:
        StoreError: the store cannot be opened, or its file cannot be written anew.
    """
    until_s = time.time() - age_s
    with RunStore.open(place, must_exist=True) as store:
        folders = _index_folders(store, place) if what is What.ALL else ()
        entries = entries_before(folders, until_s)
        report = _run(store, partial(_purge_older, until_s=until_s, what=what), is_wanted=is_wanted)
    return _finish(report, place, folders, entries)


def _run(store: RunStore, purge: partial[PurgeReport], *, is_wanted: bool) -> PurgeReport:
    def only_count(connection: Connection) -> PurgeReport:
        raise _OnlyCounted(purge(connection))

    if is_wanted:
        return store.write(purge)
    try:
        return store.write(only_count)
    except _OnlyCounted as counted:
        return replace(counted.report, is_done=False)


def _finish(report: PurgeReport, place: AnyPlace, folders: Sequence[Path], entries: set[str]) -> PurgeReport:
    named = StorePlace.of(place)
    before = size_of(named)
    if not report.is_done:
        return replace(report, n_knowledge=len(entries), bytes_before=before, bytes_after=before)
    n_knowledge = forget_entries(folders, entries)
    compact(named)
    return replace(report, n_knowledge=n_knowledge, bytes_before=before, bytes_after=size_of(named))


def _purge_listing(
    connection: Connection, *, rows: Sequence[ItemRow], blank: partial[Pair], ids: Sequence[str], texts: Sequence[str]
) -> PurgeReport:
    item_ids = {row.item_id for row in rows}
    n_replies = _drop_replies_to(connection, item_ids) + _drop_replies_with(connection, [*ids, *texts])
    blank_waiting_requests(connection, item_ids=item_ids, texts=[*ids, *texts])
    blank_messages(connection, [*rows, *_rows_telling(connection, [*ids, *texts])])
    blank_reviews(connection, {(row.run_id, row.item_id) for row in rows}, texts)
    return PurgeReport(
        is_done=True, n_items=len({(row.run_id, row.item_id) for row in rows}), n_replies=n_replies,
        n_pairs=blank_pairs(connection, rows, blank), n_rationales=drop_rationales(connection, rows),
        n_judgements=blank_judgements(connection, {(row.run_id, row.item_id) for row in rows}),
        n_call_errors=blank_call_errors(connection, item_ids=item_ids, texts=texts),
    )  # fmt: skip


def _purge_older(connection: Connection, *, until_s: float, what: What) -> PurgeReport:
    report = PurgeReport(is_done=True)
    blank_waiting_requests(connection, until_s=until_s)
    if what is not What.RUNS:
        old_replies = [
            connection.execute(delete(table).where(table.c.created_at_s < until_s)).rowcount for table in (cache, failed_replies)
        ]
        report = replace(report, n_replies=sum(old_replies))
    if what is What.CACHE:
        return report
    old = _old_runs(connection, until_s)
    rows = [row for row, pair in _items_of(connection, old) if not (_is_blank(pair.left) and _is_blank(pair.right))]
    of_pairs = {(row.run_id, row.item_id) for row in rows}
    blank_messages(connection, rows)
    blank_reviews(connection, of_pairs)
    return replace(
        report, n_items=len(of_pairs), n_pairs=blank_pairs(connection, rows, partial(blank_pair, left=True, right=True)),
        n_rationales=drop_rationales(connection, rows), n_judgements=blank_judgements(connection, of_pairs),
        n_call_errors=blank_call_errors(connection, run_ids=old),
    )  # fmt: skip


def _pairs_of(connection: Connection, *, listing_id: str) -> dict[str, Pair]:
    """The stored pairs of a listing by their sha, those whose text is gone already included."""
    named = f'"id":{json.dumps(listing_id)}'
    query = select(pairs.c.pair_sha, pairs.c.pair_json).where(pairs.c.pair_json.icontains(named, autoescape=True))
    found = {row.pair_sha: codec.decode_pair(row.pair_json) for row in connection.execute(query)}
    return {sha: pair for sha, pair in found.items() if listing_id in {pair.left.id, pair.right.id}}


def _rows_of(connection: Connection, *, shas: set[str]) -> list[ItemRow]:
    columns = (items.c.run_id, items.c.item_id, items.c.attempt, items.c.pair_sha)
    listed = sorted(shas)
    blocks = [listed[start : start + _AT_ONCE] for start in range(0, len(listed), _AT_ONCE)]
    return [ItemRow(*row) for block in blocks for row in connection.execute(select(*columns).where(items.c.pair_sha.in_(block)))]


def _items_of(connection: Connection, run_ids: Iterable[str]) -> list[tuple[ItemRow, Pair]]:
    columns = (items.c.run_id, items.c.item_id, items.c.attempt, items.c.pair_sha)
    found = []
    for run_id in run_ids:
        query = select(*columns, pairs.c.pair_json).join(pairs, pairs.c.pair_sha == items.c.pair_sha).where(items.c.run_id == run_id)
        found += [(ItemRow(*row[:4]), codec.decode_pair(row.pair_json)) for row in connection.execute(query)]
    return found


def _old_runs(connection: Connection, until_s: float) -> list[str]:
    last = select(items.c.run_id, func.max(items.c.finished_at_s).label("at_s")).group_by(items.c.run_id).subquery()
    query = select(runs.c.run_id, runs.c.created_at_s, runs.c.finished_at_s, last.c.at_s).outerjoin(last, last.c.run_id == runs.c.run_id)
    return [row.run_id for row in connection.execute(query) if max(row.created_at_s, row.finished_at_s or 0.0, row.at_s or 0.0) < until_s]


def _drop_replies_to(connection: Connection, item_ids: set[str]) -> int:
    listed, n_dropped = sorted(item_ids), 0
    for start in range(0, len(listed), _AT_ONCE):
        is_asked = calls.c.item_id.in_(listed[start : start + _AT_ONCE])
        n_dropped += connection.execute(delete(cache).where(cache.c.key.in_(select(calls.c.key).where(is_asked)))).rowcount
        failed = select(calls.c.call_id).where(is_asked)
        n_dropped += connection.execute(delete(failed_replies).where(failed_replies.c.call_id.in_(failed))).rowcount
    return n_dropped


def _drop_replies_with(connection: Connection, needles: Sequence[str]) -> int:
    """Replies about other pairs in whose prompts the listing stood: as a rival, or in an answer learned from it."""
    return sum(
        connection.execute(delete(table).where(or_(*(column.icontains(one, autoescape=True) for column in columns)))).rowcount
        for one in needles
        for table, columns in ((cache, (cache.c.row_json,)), (failed_replies, (failed_replies.c.row_json, failed_replies.c.reason)))
    )


def _rows_telling(connection: Connection, needles: Sequence[str]) -> list[ItemRow]:
    """Attempts on other pairs whose messages or provenance hold the listing's text, or an answer learned from it."""
    columns = (decisions.c.run_id, decisions.c.item_id, decisions.c.attempt)
    holds = [column.icontains(one, autoescape=True) for one in needles for column in (decisions.c.error, decisions.c.provenance_json)]
    return [ItemRow(*row, pair_sha="") for row in connection.execute(select(*columns).where(or_(*holds)))] if holds else []


def _needles(texts: Iterable[Listing]) -> list[str]:
    """The listings' long texts as they stand in messages, in JSON, and in the JSON of a prompt within the JSON of the cache."""
    long = {text[:_SEARCHED_CHARS] for one in texts for text in (one.title, one.description or "") if len(text) >= _LEAST_CHARS}
    in_json = {json.dumps(text)[1:-1] for text in long}
    in_prompts = {json.dumps(json.dumps(text, ensure_ascii=False)[1:-1])[1:-1] for text in long}
    return sorted({codec.storable(text) for text in long} | in_json | in_prompts)


def _blank_listing(pair: Pair, *, listing_id: str) -> Pair:
    return blank_pair(pair, left=pair.left.id == listing_id, right=pair.right.id == listing_id)


def _is_blank(listing: Listing) -> bool:
    return is_purged(Pair("", listing, listing))


def _index_folders(store: RunStore, place: AnyPlace) -> tuple[Path, ...]:
    """Where runs of the store kept their knowledge: as their launches say, and beside the store."""
    settings = store.read(lambda connection: connection.execute(select(launches.c.settings_json)).scalars().all())
    named = {cast("dict[str, str]", json.loads(text)).get("knowledge_folder") for text in settings}
    beside = str(knowledge_folder(place).resolve())
    return tuple(Path(name) for name in sorted({beside, *(name for name in named if name)}) if Path(name).is_dir())
