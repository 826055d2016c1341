"""What came of a run's calls, and forgetting the replies that an item failed with, so that trying it again asks the model."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, delete, select

from epm.gateway.recorder import PastCall
from epm.store import codec
from epm.store.schema import cache, calls, failed_replies, launches
from epm.store.store import RunStore

_KEYS_AT_ONCE = 500
JUDGE_ROLES = "judge/"


def past_calls(store: RunStore, run_id: str, *, judging: bool) -> Iterator[PastCall]:
    """The calls of a run's judges, or of all others, in their order: failed ones, and of each question the reply that is kept."""
    is_asked = calls.c.role.startswith(JUDGE_ROLES, autoescape=True)
    query = select(calls, failed_replies.c.row_json).outerjoin(failed_replies, failed_replies.c.call_id == calls.c.call_id)
    query = query.where(calls.c.run_id == run_id, is_asked if judging else ~is_asked).order_by(calls.c.call_id)
    began = select(launches.c.started_at_s).where(launches.c.run_id == run_id).order_by(launches.c.started_at_s)
    commands_s = [0.0, *store.read(lambda connection: connection.execute(began).scalars().all())]
    told: set[str] = set()
    for found in store.read(lambda connection: connection.execute(query).mappings().all()):
        call, row_json = codec.decode_call(dict(found)), found["row_json"]
        command_s = commands_s[bisect_right(commands_s, call.started_at_s, lo=1) - 1]
        if row_json is not None:
            yield PastCall(call, command_s, codec.decode_kept(call.key, row_json), is_refused=call.error_class is None)
        elif call.error_class is not None:
            yield PastCall(call, command_s, None)
        elif call.key not in told:
            told.add(call.key)
            yield PastCall(call, command_s, store.cached(call.key))


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
