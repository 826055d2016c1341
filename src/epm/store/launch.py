"""With what settings a command worked on a run: what is needed to do a part of it again.

A run's spec says what the run is; a launch adds what does not change its identity: which variable holds the key, the
timeout, the embedder. Invariant: names of key variables stand here, keys never.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import cast

from sqlalchemy import insert, select

from epm.gateway.ledger import canonical_json
from epm.gateway.request import ModelSettings, StructuredMode
from epm.graph_call import traced_to
from epm.store.schema import launches
from epm.store.store import RunStore
from epm.store.stored_row import StoredRow
from epm.store.summary import TRACED_TO


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a command on a run; ``settings`` holds JSON values, ``model`` is ``None`` for a command without one."""

    run_id: str
    command: str
    model: ModelSettings | None
    settings: Mapping[str, object]


def add_launch(store: RunStore, launch: Launch) -> None:
    """Write a launch down."""
    model = None if launch.model is None else asdict(launch.model)
    row = {
        "run_id": launch.run_id, "command": launch.command, "started_at_s": time.time(),
        "settings_json": canonical_json({"model": model, TRACED_TO: traced_to(), **launch.settings}),
    }  # fmt: skip
    store.write(lambda connection: connection.execute(insert(launches).values(row)).rowcount)


def latest_launch(store: RunStore, run_id: str, command: str) -> Launch | None:
    """The last launch of a command on a run; ``None`` for a run of an epm that did not keep them, or of another command."""
    of_run = (launches.c.run_id == run_id) & (launches.c.command == command)
    query = select(launches.c.launch_id, launches.c.settings_json).where(of_run).order_by(launches.c.launch_id.desc()).limit(1)
    found = store.read(lambda connection: connection.execute(query).mappings().one_or_none())
    if found is None:
        return None
    stored = StoredRow("launches", cast("Mapping[str, object]", found), "launch_id")
    settings = stored.json_object("settings_json")
    settings.pop(TRACED_TO, None)  # a fact about that launch, no setting of the next
    with stored.decoding("settings_json"):
        model = cast("dict[str, object] | None", settings.pop("model"))
        return Launch(run_id, command, None if model is None else _to_model(model), settings)


def _to_model(stored: Mapping[str, object]) -> ModelSettings:
    known = {part.name for part in fields(ModelSettings)}  # an epm of another version may have kept more or less
    kept = {name: value for name, value in stored.items() if name in known}
    if "structured" in kept:
        kept["structured"] = StructuredMode(str(kept["structured"]))
    return ModelSettings(**kept)  # type: ignore[arg-type]
