"""Rationales as conversations: what trainers of chat models read (TRL's ``messages``, hosted fine-tuning).

    {"messages": [{"role": "system", …}, {"role": "user", …}, {"role": "assistant", …}], "pair_id": …, "split": …, …}

The assistant's turn is the rationale as compact JSON, findings before verdicts and label. The student of ``epm distill``
reads prompts of its own (``student-prompt v1``): these rows are for other trainers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from epm.distill.dataset import DatasetView, StoredDecision, ViewOptions, kept_rationales
from epm.identity import IdentityRule
from epm.judgement import Judgement
from epm.pair import Pair
from epm.prompts.data_fields import listing_block
from epm.prompts.identity_text import state_identity
from epm.prompts.library import load_prompt
from epm.rationale import Rationale
from epm.relation import Label, Relation

CHAT_PROMPT = "student/chat.v1"


class ChatMessage(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRow(BaseModel):
    """One conversation; the columns beside ``messages`` are those of an SFT row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: tuple[ChatMessage, ...]
    pair_id: str
    prompt_id: str
    gold_label: Label | None
    teacher_label: Label | None
    relation: Relation
    label_given_in_prompt: bool
    split: str | None


def chat_view(
    items: Iterable[StoredDecision], judgements: Iterable[Judgement], options: ViewOptions, identity: IdentityRule
) -> DatasetView[ChatRow]:
    """A conversation for every rationale that the options keep, and for both orders of its listings where they say so.

    Raises:
        DataError: a rationale is of another split than train, and no split is named.
    """
    kept = kept_rationales(items, judgements, options)
    rows = [
        _row(pair, rationale, identity, is_label_given=source.is_label_given)
        for source in kept.sources
        for pair, rationale in source.orders(both=options.both_orders)
    ]
    return DatasetView(tuple(rows), kept.n_items, len(kept.sources), kept.dropped)


def _row(pair: Pair, rationale: Rationale, identity: IdentityRule, *, is_label_given: bool) -> ChatRow:
    system, user = load_prompt(CHAT_PROMPT).render(
        identity=state_identity(identity),
        left=listing_block("left", pair.left.texts()),
        right=listing_block("right", pair.right.texts()),
    )
    answer = json.dumps(rationale.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
    return ChatRow(
        messages=(
            ChatMessage(role="system", content=system),
            ChatMessage(role="user", content=user),
            ChatMessage(role="assistant", content=answer),
        ),
        pair_id=pair.id,
        prompt_id=CHAT_PROMPT,
        gold_label=pair.gold_label,
        teacher_label=rationale.label,
        relation=rationale.relation,
        label_given_in_prompt=is_label_given,
        split=pair.split,
    )
