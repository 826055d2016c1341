"""Kept replies of a run: all of them, and forgetting those that an item failed with, so that trying it again asks the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, delete, func, select

from epm.gateway.ledger import CachedReply
from epm.store.schema import cache, calls
from epm.store.store import RunStore

_KEYS_AT_ONCE = 500
JUDGE_ROLES = "judge/"


def kept_replies(store: RunStore, run_id: str, *, judging: bool) -> Iterator[CachedReply]:
    """The replies that a run's judges, or all others, were given and that are still kept, in the order in which they were first given."""
    is_asked = calls.c.role.startswith(JUDGE_ROLES, autoescape=True)
    query = select(calls.c.key).where(calls.c.run_id == run_id, is_asked if judging else ~is_asked)
    query = query.group_by(calls.c.key).order_by(func.min(calls.c.call_id))
    for key in store.read(lambda connection: connection.execute(query).scalars().all()):
        kept = store.cached(key)
        if kept is not None:
            yield kept


def forget_failed(store: RunStore, run_id: str, item_ids: Iterable[str]) -> int:
    """Drop what a failed item's deciding was answered with, and say how many replies that were.

    Where the item's last call failed, the replies of earlier steps are sound and stay; those of the failed step go, for one
    may have been the misfit that asked for a repair. Where every call was answered, any of the answers may be the bad one:
    all of them go. Judges' calls are let alone.
    """
    wanted = set(item_ids)
    return store.write(lambda connection: _drop(connection, _keys_to_forget(connection, run_id, wanted)))


def forget_roles(store: RunStore, run_id: str, asked: Iterable[tuple[str, str]]) -> int:
    """Drop the replies of items' roles (item id, role), and say how many that were."""
    wanted = set(asked)

    def forget(connection: Connection) -> int:
        query = select(calls.c.item_id, calls.c.role, calls.c.key).where(calls.c.run_id == run_id)
        return _drop(connection, {row.key for row in connection.execute(query) if (row.item_id, row.role) in wanted})

    return store.write(forget)


def _keys_to_forget(connection: Connection, run_id: str, item_ids: set[str]) -> set[str]:
    query = select(calls.c.item_id, calls.c.role, calls.c.key, calls.c.error_class).where(calls.c.run_id == run_id)
    keys: dict[str, list[tuple[str, str]]] = {}
    failed_role: dict[str, str | None] = {}
    for row in connection.execute(query.order_by(calls.c.call_id)):
        if row.item_id in item_ids and not row.role.startswith(JUDGE_ROLES):
            keys.setdefault(row.item_id, []).append((row.role, row.key))
            failed_role[row.item_id] = None if row.error_class is None else row.role
    return {key for item_id, asked in keys.items() for role, key in asked if failed_role[item_id] in {None, role}}


def _drop(connection: Connection, keys: set[str]) -> int:
    ordered = sorted(keys)
    blocks = [ordered[start : start + _KEYS_AT_ONCE] for start in range(0, len(ordered), _KEYS_AT_ONCE)]
    return sum(connection.execute(delete(cache).where(cache.c.key.in_(block))).rowcount for block in blocks)
