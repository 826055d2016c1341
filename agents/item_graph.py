"""One item through the teacher's graph: to its end, or to the person it waits for and, once there is an answer, on from there.

What was paid for is in the checkpoint, so the second part asks no model again: ``record`` files the answers that the item
holds back if people uphold the teacher's label, and drops them if they do not. The decision itself is never changed.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from epm.agents.context import TeacherContext
from epm.agents.graph import RECURSION_LIMIT, TeacherGraph, teacher_graph
from epm.agents.item_checkpoint import ItemCheckpoint
from epm.agents.state import TeacherState
from epm.graph_call import call_graph
from epm.pair import Pair


class ItemRun(NamedTuple):
    """How far an item came. ``checkpoint`` is the text to go on from, ``None`` for an item that does not wait."""

    state: TeacherState
    checkpoint: str | None


async def begin_item(pair: Pair, context: TeacherContext) -> ItemRun:
    """The item's state at its end or its interrupt; ``pair`` is blind.

    Raises:
        ModelError: a model call failed for good.
        GraphRecursionError: the model kept calling tools.
    """
    saver = ItemCheckpoint(pair)
    entry: TeacherState = {"pair": pair}
    # exit: nothing is serialised between the steps, for the kept replies already make repeating a step free
    state = await call_graph(_with(saver), entry, _config(context), context=context, durability="exit")
    return ItemRun(cast("TeacherState", state), saver.waiting)


async def resume_item(pair: Pair, checkpoint: str, context: TeacherContext, *, is_upheld: bool) -> int:
    """How many answers the item's last step filed; ``pair`` is blind."""
    graph = _with(ItemCheckpoint(pair, checkpoint))
    state = await call_graph(graph, Command(resume=is_upheld), _config(context), context=context, durability="exit")
    return cast("TeacherState", state)["n_recorded"]


def _with(saver: ItemCheckpoint) -> TeacherGraph:
    return teacher_graph().copy({"checkpointer": saver})


def _config(context: TeacherContext) -> RunnableConfig:
    return {"configurable": {"thread_id": context.item_id}, "recursion_limit": RECURSION_LIMIT}
