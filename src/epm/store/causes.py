"""Why items of a run failed, grouped by cause: one line for what a thousand items died of.

A cause is an error class, the role whose call ended the item, and the error's words without what varies from item to item:
quoted texts, ids and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select

from epm.errors import ErrorClass
from epm.gateway.remedies import REMEDIES
from epm.store.schema import calls, decisions, failed_replies, items

MAX_CAUSES = 200
"""Causes that are told: a run that fails in more ways is not mended by reading on."""
_CAUSE_CHARS = 240
"""What a terminal shows in three lines."""
_VARYING = re.compile(
    r"(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)"  # texts quoted as Python does; an apostrophe within a word is none
    r'|"(?:[^"\\]|\\.)*"'
    r"|\$?\b[\w./:-]*\d[\w./:,-]*"  # numbers, amounts, times, ids and addresses
)
_PARTS = "; "


@dataclass(frozen=True, slots=True)
class Cause:
    """Items that failed of one cause, with one of them as an example; ``role`` is ``None`` where no call of theirs failed."""

    error_class: ErrorClass
    role: str | None
    text: str
    n_items: int
    example_item_id: str
    example_error: str
    remedy: str


def causes_of(connection: Connection, run_id: str) -> list[Cause]:
    """The causes of a run's standing failures, the commonest first; of each the first item by id is the example."""
    roles = _failed_roles(connection, run_id)
    found: dict[tuple[ErrorClass, str | None, str], list[tuple[str, str]]] = {}
    for item_id, error_class, error in _failures(connection, run_id):
        key = ErrorClass(error_class), roles.get(item_id), without_varying_parts(error, item_id)
        # of all but the first item only the number is needed
        found.setdefault(key, []).append((item_id, error if key not in found else ""))
    causes = [
        Cause(error_class, role, text, len(failed), failed[0][0], failed[0][1], REMEDIES[error_class])
        for (error_class, role, text), failed in found.items()
    ]
    return sorted(causes, key=lambda cause: (-cause.n_items, cause.error_class, cause.role or "", cause.text))


def without_varying_parts(error: str, item_id: str = "") -> str:
    """The words of an error that are the same for every item that fails of its cause; parts that are said twice once."""
    told = error.replace(item_id, "…") if item_id else error
    parts = (_VARYING.sub("…", " ".join(part.split())) for part in told.split(_PARTS))
    return _PARTS.join(dict.fromkeys(parts))[:_CAUSE_CHARS]


def _failures(connection: Connection, run_id: str) -> Iterator[tuple[str, str, str]]:
    """Item, class and error of every standing failure, by item id."""
    latest = select(items.c.item_id, func.max(items.c.attempt).label("attempt")).where(items.c.run_id == run_id)
    standing = latest.group_by(items.c.item_id).subquery()
    query = (
        select(decisions.c.item_id, decisions.c.error_class, decisions.c.error)
        .join(standing, (standing.c.item_id == decisions.c.item_id) & (standing.c.attempt == decisions.c.attempt))
        .where(decisions.c.run_id == run_id, decisions.c.error_class.is_not(None))
        .order_by(decisions.c.item_id)
    )
    for item_id, error_class, error in connection.execute(query):
        yield item_id, error_class, error or ""


def _failed_roles(connection: Connection, run_id: str) -> dict[str, str]:
    """The role of each item's last call that failed, or whose reply was refused afterwards."""
    is_refused = exists().where(failed_replies.c.call_id == calls.c.call_id)
    last = select(func.max(calls.c.call_id)).where(calls.c.run_id == run_id, calls.c.error_class.is_not(None) | is_refused)
    query = select(calls.c.item_id, calls.c.role).where(calls.c.call_id.in_(last.group_by(calls.c.item_id)))
    return {item_id: role for item_id, role in connection.execute(query) if item_id is not None}
