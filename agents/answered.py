"""The items of a run that people answered since it was last at work: each goes on once, before anything new is begun."""

from __future__ import annotations

from epm.agents.context import TeacherContext
from epm.agents.item_gateway import ItemGateway
from epm.agents.matcher import ItemTools
from epm.agents.state import blind
from epm.identity import IdentityRule
from epm.progress import NoticeSink
from epm.relation import Label
from epm.store.records import StoredItem
from epm.store.review_queue import checkpoints_of, set_resumed, to_resume
from epm.store.store import RunStore

_AT_ONCE = 100


async def resume_answered(store: RunStore, run_id: str, tools: ItemTools, identity: IdentityRule, on_notice: NoticeSink) -> None:
    """Go on with them. One whose turn is cut short goes on again: filing the same answers twice files them once."""
    wanted = store.read(lambda connection: to_resume(connection, run_id))
    if not wanted:
        return
    # The graph brings in langgraph and langchain.
    from epm.agents.item_graph import resume_item

    for block in (wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)):
        checkpoints = store.read(lambda connection, block=block: checkpoints_of(connection, run_id, block))  # type: ignore[misc]
        for item in list(store.items(run_id, only=block)):
            gateway = ItemGateway(tools.gateway)
            context = TeacherContext(gateway, tools.model, identity, tools.knowledge, tools.now_s, item.item_id, run_id)
            await resume_item(blind(item.pair), checkpoints[item.item_id], context, is_upheld=_is_upheld(item))
            store.write(lambda connection, item_id=item.item_id: set_resumed(connection, run_id, item_id))  # type: ignore[misc]
    on_notice(f"{len(wanted):,} items that people answered went on")


def _is_upheld(item: StoredItem) -> bool:
    """True when people give the teacher's label; where they are split or unsure, nobody learns from the item."""
    said = item.decision.provenance.get("human_label")
    return said is not None and item.decision.label == Label(str(said))
