"""What the nodes of one item may use, and the one way they ask a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from epm.agents.item_gateway import ItemGateway
from epm.gateway.request import CallScope, ModelSettings, Task
from epm.identity import IdentityRule
from epm.knowledge.index import KnowledgeIndex
from epm.knowledge.web_search import WebSearch
from epm.prompts.ask_examples import AskExample
from epm.prompts.library import load_prompt
from epm.relation import Label

ReplyT = TypeVar("ReplyT", bound=BaseModel)

PROMPTS = {role: f"teacher/{role}.v1" for role in ("extract", "ask", "sufficient", "research", "decide", "decide_repair", "verify")}
"""The prompt version of every step: part of a run's identity."""
LABELLED_PROMPTS = {**PROMPTS, "decide": "teacher/decide_labelled.v1"}
"""The same where the teacher is told the label: only the writer of the rationale is, every other step stays blind."""
SHOWN_PROMPTS = {"ask_shown": "teacher/ask_shown.v1"}
"""Steps that only the exploration of questions takes."""
WEB_RESEARCH = "teacher/research_web.v1"
"""Takes the place of the research prompt where a web search is named; a run says so in its settings."""


@dataclass(frozen=True, slots=True)
class TeacherContext:
    """One item's gateway, model, identity rule and knowledge. ``now_s`` is the time of the run, UTC epoch seconds.

    ``told_label`` is the label that the writer is told, ``None`` in blind teaching. It stands here and not in the state, so
    that no node can show it by showing the pair.
    ``is_lean``: a model is asked for questions only where the engine finds a decisive attribute open, or cannot tell.
    ``examples`` are worked cases to show before questions are asked: none, unless questions are explored.
    """

    gateway: ItemGateway
    model: ModelSettings
    identity: IdentityRule
    knowledge: KnowledgeIndex
    now_s: float
    item_id: str
    run_id: str | None = None
    told_label: Label | None = None
    examples: tuple[AskExample, ...] = ()
    web_search: WebSearch | None = None
    is_lean: bool = False

    @property
    def prompts(self) -> Mapping[str, str]:
        """The prompt id of every step."""
        web = {} if self.web_search is None else {"research": WEB_RESEARCH}
        return (PROMPTS if self.told_label is None else LABELLED_PROMPTS) | SHOWN_PROMPTS | web

    def scope(self, role: str) -> CallScope:
        """Who asks, for the ledger."""
        prompt = load_prompt(self.prompts[role])
        return CallScope(self.run_id, self.item_id, f"teacher/{role}", prompt.id, prompt.sha256, self.model.sample)

    async def ask(self, role: str, variables: dict[str, str], reply: type[ReplyT], task: Task | None) -> ReplyT:
        """The typed reply of one model step.

        Raises:
            ModelError: the call failed, or the reply did not fit even after one repair.
        """
        # Structured calls bring in instructor and litellm, which cost seconds to import.
        from epm.gateway.structured import ask

        system, user = load_prompt(self.prompts[role]).render(**variables)
        answered = await ask(
            self.gateway, model=self.model, system=system, user=user, response_model=reply, task=task, scope=self.scope(role)
        )
        return answered.value
