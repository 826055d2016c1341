"""A run that begins, or is taken up again: refused where another process works on it."""

from __future__ import annotations

import platform
import time

from sqlalchemy import Connection, func, insert, select, update

from epm.config import __version__
from epm.gateway.ledger import canonical_json
from epm.store import codec
from epm.store.leases import refuse_if_held
from epm.store.records import RunHandle, RunSpec, RunStatus
from epm.store.schema import items, runs

_ID_HEX = 12


def _described(spec: RunSpec) -> dict[str, str | int]:
    return {
        "command": spec.command, "input_sha": spec.input_sha, "matcher": spec.matcher, "prompts_sha": spec.prompts_sha,
        "model": spec.model, "seed": spec.seed, "settings_json": canonical_json(dict(spec.settings)),
    }  # fmt: skip


def spec_sha(spec: RunSpec) -> str:
    """What two runs that are the same have in common."""
    return codec.sha_of(canonical_json(_described(spec)))


def begin(connection: Connection, spec: RunSpec, owner: str, *, fresh: bool) -> RunHandle:
    """The run of a spec, which is running from now on: the latest one, or a new one.

    Raises:
        RunHeldError: another store works on it; nothing was changed.
    """
    described, sha = _described(spec), spec_sha(spec)
    latest = connection.execute(select(func.max(runs.c.repeat)).where(runs.c.spec_sha == sha)).scalar_one()
    repeat = 0 if latest is None else latest + 1 if fresh else latest
    run_id = codec.sha_of(f"{sha} {repeat}")[:_ID_HEX]
    if latest is not None and not fresh:
        is_done = (items.c.run_id == run_id) & (items.c.state == "done")
        n_done = connection.execute(select(func.count()).select_from(items).where(is_done)).scalar_one()
        set_running(connection, run_id, spec.command, owner)
        return RunHandle(run_id, repeat, n_done, is_resumed=True)
    provenance = canonical_json({"epm": __version__, "python": platform.python_version()})
    fixed = {"run_id": run_id, "spec_sha": sha, "repeat": repeat, "provenance_json": provenance, "created_at_s": time.time()}
    connection.execute(insert(runs).values(**described, **fixed, status=RunStatus.RUNNING.value))
    return RunHandle(run_id, repeat, 0, is_resumed=False)


def set_running(connection: Connection, run_id: str, command: str, owner: str) -> None:
    """Say that a run is being worked on.

    Raises:
        RunHeldError: another store works on it.
    """
    refuse_if_held(connection, run_id, command, owner)
    connection.execute(update(runs).where(runs.c.run_id == run_id).values(status=RunStatus.RUNNING.value, finished_at_s=None))
