"""The LangGraph checkpoint of one item: held while its graph is at work, and made durable only where the item waits for a person.

It becomes text in the one moment in which an interrupt is written. The text travels with the decision and is committed in
the transaction that writes the item, so that there is never one without the other; an item that never waits leaves none.
What the rest of the graph does not read is left out, and so are the listings: they stand in the item's pair.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.types import INTERRUPT
from pydantic import TypeAdapter

from epm.agents.schemas import DecideReply
from epm.agents.state import Answer
from epm.gateway.ledger import canonical_json
from epm.pair import Pair

_FIELDS: dict[str, TypeAdapter[object]] = {
    "answers": TypeAdapter(tuple[Answer, ...]),
    "draft": TypeAdapter(DecideReply),
    "vetoed_by": TypeAdapter(Literal["checks", "model"] | None),
    "n_vetoes": TypeAdapter(int),
}
"""What ``human`` and ``record`` read, beside the pair."""

_BRANCH = "branch:to:"
"""Channels of this name say which node comes next."""


class ItemCheckpoint(BaseCheckpointSaver[int]):
    """Holds the latest checkpoint of one item. ``waiting`` is its text once the item waits, and ``None`` before and after."""

    def __init__(self, pair: Pair, text: str | None = None) -> None:
        super().__init__()
        self.waiting: str | None = None
        self._held = None if text is None else _decoded(text, pair)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint from which the graph goes on, ``None`` at its first step."""
        return None if self._held is None else self._held._replace(config=_named(config, self._held.checkpoint))

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:  # fmt: skip
        """Hold a checkpoint in memory."""
        del new_versions  # the checkpoint is whole, not a difference
        named = _named(config, checkpoint)
        self._held = CheckpointTuple(named, checkpoint, metadata, None, [])
        return named

    async def aput_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, object]], task_id: str, task_path: str = "") -> None:
        """Turn the checkpoint that is held into text if the graph was interrupted."""
        del config, task_id, task_path  # one item, one task at a time
        if self._held is not None and any(channel == INTERRUPT for channel, _ in writes):
            self.waiting = _encoded(self._held)


def _named(config: RunnableConfig, checkpoint: Checkpoint) -> RunnableConfig:
    return {"configurable": {**config["configurable"], "checkpoint_id": checkpoint["id"]}}


def _encoded(held: CheckpointTuple) -> str:
    values = held.checkpoint["channel_values"]
    kept = {name: adapter.dump_python(values[name], mode="json") for name, adapter in _FIELDS.items()}
    branches = {name: None for name in values if name.startswith(_BRANCH)}
    return canonical_json({"checkpoint": {**held.checkpoint, "channel_values": {**kept, **branches}}, "metadata": dict(held.metadata)})


def _decoded(text: str, pair: Pair) -> CheckpointTuple:
    row = json.loads(text)
    kept = row["checkpoint"]["channel_values"]
    values = {name: _FIELDS[name].validate_python(value) if name in _FIELDS else value for name, value in kept.items()}
    checkpoint = cast("Checkpoint", {**row["checkpoint"], "channel_values": {**values, "pair": pair}})
    return CheckpointTuple({"configurable": {}}, checkpoint, row["metadata"], None, [])
