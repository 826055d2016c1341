"""Whatever the index holds, recall and the tools show nothing of the own pair, nothing expired and no other product's answers."""

from __future__ import annotations

import asyncio
import json

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from epm.agents.context import TeacherContext
from epm.agents.item_gateway import ItemGateway
from epm.agents.nodes.recall import recall
from epm.agents.research_loop import research_question
from epm.agents.schemas import Question
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ChatReply, ChatRequest, ModelSettings
from epm.gateway.transports.rules import RulesTransport
from epm.identity import STRICT
from epm.knowledge.embedder import HashEmbedder, RememberingEmbedder
from epm.knowledge.index import KnowledgeEntry
from epm.knowledge.memory import MemoryIndex
from epm.listing import Listing
from epm.pair import Pair

NOW_S = 1_000.0
PAIR = Pair("p1", Listing("l", "Kolvra KX-120 kettle"), Listing("r", "Kolvra KX120"))
QUESTION = Question(attribute="Colour", entity="Kolvra  KX-120", side="right", question="Which colours is the Kolvra KX-120 sold in?")
SAME = ("kolvra kx-120", "Kolvra KX120 kettle", "kolvra:kx120")
ENTITIES = (*SAME, "kolvra kx-130", None)
ENTRIES = st.lists(
    st.builds(
        KnowledgeEntry, id=st.integers(0, 999).map("e{}".format), kind=st.sampled_from(["answer", "document", "listing"]),
        text=st.sampled_from(["It is black.", "It is red.", "Kolvra KX-120 kettle"]), provenance=st.just("test"),
        entity=st.sampled_from(ENTITIES), attribute=st.sampled_from(["colour", "size", None]),
        pair_ids=st.lists(st.sampled_from(["p1", "p2", "p3"]), max_size=2, unique=True).map(tuple),
        expires_at_s=st.sampled_from([None, 999.0, 1_000.0, 1_001.0]),
    ),
    max_size=12, unique_by=lambda entry: entry.id,
)  # fmt: skip


class Listening(RulesTransport):
    """The rules, and every id they were shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: set[str] = set()

    async def send(self, request: ChatRequest, *, timeout_s: float) -> ChatReply:
        self.shown |= set(json.dumps(dict(request.body)).replace('\\"', " ").replace(",", " ").split())
        return await super().send(request, timeout_s=timeout_s)


def may_be_shown(entry: KnowledgeEntry) -> bool:
    is_own = "p1" in entry.pair_ids
    is_live = entry.expires_at_s is None or entry.expires_at_s > NOW_S
    is_about = entry.kind != "answer" or (entry.entity in SAME and entry.attribute == "colour")
    return is_live and is_about and not is_own


@settings(max_examples=25, phases=[Phase.generate])  # shrinking would build a thousand chat clients
@given(ENTRIES)
def test_nothing_own_expired_or_of_another_product_is_recalled_or_found(entries) -> None:
    index, transport = MemoryIndex(RememberingEmbedder(HashEmbedder(64))), Listening()
    index.add(entries)
    gateway = ItemGateway(MeteredGateway(transport, None))
    context = TeacherContext(gateway, ModelSettings("rules"), STRICT, index, NOW_S, "p1")

    class Runtime:
        def __init__(self) -> None:
            self.context = context

    async def both() -> set[str]:
        found = await recall({"pair": PAIR, "questions": (QUESTION,)}, Runtime())  # type: ignore[arg-type]
        researched = await research_question(QUESTION, PAIR, context)
        answers = [*found["answers"], *([researched.answer] if researched.answer else [])]
        return {rival.id for rival in found["rivals"]} | {cited for answer in answers for cited in answer.citations}

    used = asyncio.run(both()) | transport.shown
    allowed = {entry.id for entry in entries if may_be_shown(entry)}
    assert used & {entry.id for entry in entries} <= allowed
    if any(entry.kind == "answer" and entry.id in allowed for entry in entries):
        assert any(entry.kind == "answer" and entry.id in used for entry in entries)  # the property does not hold for want of recall
