"""Taking text out of stored items and keeping their figures: ids, labels, scores, tokens, cost and times stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, delete, select, update

from epm.gateway.ledger import canonical_json
from epm.judgement import AxisScore
from epm.pair import Pair
from epm.store import codec
from epm.store.missing import insert_missing
from epm.store.purged import PURGED, purged_listing
from epm.store.schema import batch_lines, calls, decisions, items, judgements, pairs, rationales, reviews, waiting

_AT_ONCE = 500
_WORDS = frozenset(
    {"matcher", "model", "prompts_sha", "confidence", "review_reasons", "student", "student_sha", "prompt", "mode", "reasoning_effort"}
)
"""Entries of a provenance that hold names of our own. Of all others only numbers are kept: any text could be a listing's."""

_IS_DECISION = (
    (decisions.c.run_id == bindparam("b_run")) & (decisions.c.item_id == bindparam("b_item")) & (decisions.c.attempt == bindparam("b_attempt"))
)  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One attempt on an item, as ``items`` keeps it."""

    run_id: str
    item_id: str
    attempt: int
    pair_sha: str

    def key(self) -> dict[str, object]:
        """The row's key, as parameters of a statement."""
        return {"b_run": self.run_id, "b_item": self.item_id, "b_attempt": self.attempt}


def blank_pairs(connection: Connection, rows: Sequence[ItemRow], blank: Callable[[Pair], Pair]) -> int:
    """Put the blanked pair in the place of each item's pair, and say how many pairs that were."""
    new_sha: dict[str, str] = {}
    for sha, text in _json_of(connection, {row.pair_sha for row in rows}):
        pair_json = codec.encode_pair(blank(codec.decode_pair(text)))
        new_sha[sha] = codec.sha_of(pair_json)
        insert_missing(connection, pairs, {"pair_sha": new_sha[sha], "pair_json": pair_json})
    changed = [{**row.key(), "b_sha": new_sha[row.pair_sha]} for row in rows if new_sha[row.pair_sha] != row.pair_sha]
    if changed:
        is_row = (
            (items.c.run_id == bindparam("b_run")) & (items.c.item_id == bindparam("b_item")) & (items.c.attempt == bindparam("b_attempt"))
        )
        connection.execute(update(items).where(is_row).values(pair_sha=bindparam("b_sha")), changed)
    connection.execute(delete(pairs).where(pairs.c.pair_sha.not_in(select(items.c.pair_sha))))
    return sum(sha != new for sha, new in new_sha.items())


def blank_pair(pair: Pair, *, left: bool, right: bool) -> Pair:
    """The pair without the text of the named sides; unknown columns may hold text of either side and go too."""
    return replace(
        pair, left=purged_listing(pair.left) if left else pair.left, right=purged_listing(pair.right) if right else pair.right, extras={}
    )  # fmt: skip


def drop_rationales(connection: Connection, rows: Sequence[ItemRow]) -> int:
    """Take the rationales off the items' decisions, and drop those that no other decision holds; their number."""
    if rows:
        connection.execute(update(decisions).where(_IS_DECISION).values(rationale_sha=None), [row.key() for row in rows])
    used = select(decisions.c.rationale_sha).where(decisions.c.rationale_sha.is_not(None))
    return connection.execute(delete(rationales).where(rationales.c.rationale_sha.not_in(used))).rowcount


def blank_messages(connection: Connection, rows: Sequence[ItemRow]) -> None:
    """Take error messages and worded provenance off the items' decisions; classes and numbers stay."""
    keys = {(row.run_id, row.item_id, row.attempt) for row in rows}
    columns = (decisions.c.run_id, decisions.c.item_id, decisions.c.attempt, decisions.c.error, decisions.c.provenance_json)
    found = [
        row for block in _blocks({row.run_id for row in rows})
        for row in connection.execute(select(*columns).where(decisions.c.run_id.in_(block)))
        if (row.run_id, row.item_id, row.attempt) in keys
    ]  # fmt: skip
    changed = [
        {
            "b_run": row.run_id, "b_item": row.item_id, "b_attempt": row.attempt, "b_error": None if row.error is None else PURGED,
            "b_provenance": canonical_json(_without_text(json.loads(row.provenance_json))),
        }
        for row in found
    ]  # fmt: skip
    if changed:
        new: dict[str, BindParameter[object]] = {"error": bindparam("b_error"), "provenance_json": bindparam("b_provenance")}
        connection.execute(update(decisions).where(_IS_DECISION).values(new), changed)


def blank_judgements(connection: Connection, of_pairs: set[tuple[str, str]]) -> int:
    """Take the reasons out of the judgements on (run, pair); scores and levels stay. The number of judgements."""
    found = [
        row for block in _blocks({run_id for run_id, _ in of_pairs})
        for row in connection.execute(select(judgements).where(judgements.c.run_id.in_(block))).mappings()
        if (row["run_id"], row["pair_id"]) in of_pairs
    ]  # fmt: skip
    changed = []
    for row in found:
        judgement = codec.decode_judgement(dict(row))
        blanked = replace(judgement, scores=tuple(_without_reason(score) for score in judgement.scores))
        if blanked != judgement:
            changed.append({"b_id": row["judgement_id"], "b_scores": codec.encode_judgement(blanked)["scores_json"]})
    if changed:
        is_row = judgements.c.judgement_id == bindparam("b_id")
        connection.execute(update(judgements).where(is_row).values(scores_json=bindparam("b_scores")), changed)
    return len(changed)


def blank_reviews(connection: Connection, of_pairs: set[tuple[str, str]], texts: Iterable[str] = ()) -> None:
    """Take notes and checkpoints off (run, item), and those that hold a text; labels, relations and raters stay."""
    for table, text_column, blank in ((reviews, reviews.c.note, PURGED), (waiting, waiting.c.checkpoint, None)):
        chosen: list[ColumnElement[bool]] = []
        for text in texts:
            written = text if table is reviews else json.dumps(text)[1:-1]  # a checkpoint is JSON
            chosen.append(text_column.icontains(written, autoescape=True))
        chosen.extend((table.c.run_id == run_id) & (table.c.item_id == item_id) for run_id, item_id in of_pairs)
        for is_chosen in chosen:
            connection.execute(update(table).where(is_chosen, text_column.is_not(None)).values({text_column: blank}))


def blank_call_errors(
    connection: Connection, *, item_ids: Iterable[str] = (), run_ids: Iterable[str] = (), texts: Iterable[str] = ()
) -> int:
    """Take the messages out of the failed calls of items, of runs, or that hold a text; their classes stay. The number of calls."""
    chosen: list[ColumnElement[bool]] = [calls.c.error.icontains(text, autoescape=True) for text in texts]
    chosen.extend(calls.c.item_id.in_(block) for block in _blocks(item_ids))
    chosen.extend(calls.c.run_id.in_(block) for block in _blocks(run_ids))
    has_text = calls.c.error.is_not(None) & (calls.c.error != PURGED)
    return sum(connection.execute(update(calls).where(is_chosen, has_text).values(error=PURGED)).rowcount for is_chosen in chosen)


def blank_waiting_requests(
    connection: Connection, *, item_ids: Iterable[str] = (), texts: Iterable[str] = (), until_s: float | None = None
) -> None:
    """Take the prompts off calls that wait in batches: of items, that hold a text, or that are older; their replies will not be kept."""
    chosen: list[ColumnElement[bool]] = [batch_lines.c.request_json.icontains(text, autoescape=True) for text in texts]
    chosen.extend(batch_lines.c.item_id.in_(block) for block in _blocks(item_ids))
    if until_s is not None:
        chosen.append(batch_lines.c.created_at_s < until_s)
    for is_chosen in chosen:
        connection.execute(update(batch_lines).where(is_chosen).values(request_json=None))


def _without_text(provenance: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in provenance.items() if name in _WORDS or value is None or isinstance(value, (int, float))}


def _without_reason(score: AxisScore) -> AxisScore:
    if score.unscored_reason is None:
        return replace(score, reason=None if score.reason is None else PURGED)
    return replace(score, unscored_reason=PURGED if score.error_class is None else f"{score.error_class}: {PURGED}")


def _json_of(connection: Connection, shas: set[str]) -> Iterator[tuple[str, str]]:
    for block in _blocks(shas):
        query = select(pairs.c.pair_sha, pairs.c.pair_json).where(pairs.c.pair_sha.in_(block))
        yield from ((row.pair_sha, row.pair_json) for row in connection.execute(query).all())


def _blocks(values: Iterable[T]) -> Iterator[list[T]]:
    listed = list(values)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]
