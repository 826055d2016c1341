"""``[egress] fields``: what a model elsewhere is shown of a listing, and what stays here."""

# The doubles live in conftest.py, which tests cannot import for their types.

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from epm.agents.matcher import make
from epm.agents.teach import TeachJob, teach
from epm.egress import OPEN, EgressPolicy
from epm.evidence.engine import compare
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.judge import JudgeContext
from epm.judges.model_judge import make_core
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.rationale import Axis
from epm.store.store import RunStore

TITLES = EgressPolicy(fields=frozenset({"title"}))
CANARY = "CANARY-77"


@pytest.fixture
def secret_pair() -> Pair:
    left = Listing(
        "l",
        "Kolvra KX-120 kettle",
        brand=f"Brand {CANARY}",
        description=f"purchase price {CANARY}",
        attributes={"cost": CANARY},
        price=CANARY,
    )
    return Pair("p", left, Listing("r", "Kettle Kolvra KX120 1.7 l", mpn=CANARY))


def run_teach(teacher, pair: Pair, store: RunStore, egress: EgressPolicy):
    job = TeachJob(make(None), ModelSettings("scripted"), "sha", "prompts", "memory", egress=egress)
    gateway = MeteredGateway(teacher.transport, store)
    return asyncio.run(teach([pair], job, store=store, gateway=gateway, knowledge=teacher.knowledge))


def test_the_teacher_is_shown_the_allowed_fields_only(teacher, secret_pair: Pair) -> None:
    ctx = MatchContext(gateway=MeteredGateway(teacher.transport, None), model=ModelSettings("scripted"), egress=TITLES)
    [decision] = asyncio.run(make(None).decide([secret_pair], ctx))
    assert decision.rationale is not None
    sent = teacher.transport.sent()
    assert sent
    assert not any(CANARY in text for text in sent)


def test_a_run_keeps_the_whole_pair_shows_a_part_of_it_and_is_another_run(teacher, secret_pair: Pair, tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "store.db") as store:
        bounded = run_teach(teacher, secret_pair, store, TITLES)
        assert not any(CANARY in text for text in teacher.transport.sent())
        assert not any(CANARY in entry.text for entry in teacher.knowledge.entries("listing"))  # rivals are shown to other pairs
        [item] = store.items(bounded.run_id)
        assert item.pair == secret_pair
        whole = run_teach(teacher, secret_pair, store, OPEN)
    assert any(CANARY in text for text in teacher.transport.sent())
    assert bounded.run_id != whole.run_id


def test_a_judge_is_shown_the_allowed_fields_only(teacher, secret_pair: Pair) -> None:
    teacher.transport.scripts[None] = lambda *_: {"findings": [], "reason": "fine", "level": "sound"}
    ctx = JudgeContext(gateway=MeteredGateway(teacher.transport, None), model=ModelSettings("scripted"), egress=TITLES)
    rationale = compare(TITLES.visible(secret_pair)).rationale
    [judgement] = asyncio.run(make_core(None).score([(secret_pair, rationale)], ctx))
    assert judgement.score(Axis.CORE) == 1.0
    assert not any(CANARY in text for text in teacher.transport.sent())


def test_a_rationale_that_quotes_a_hidden_field_is_unscored_and_not_sent(teacher, secret_pair: Pair) -> None:
    pair = replace(
        secret_pair, right=replace(secret_pair.right, mpn="KX-120"), left=replace(secret_pair.left, mpn="KX-120", title="Kettle Kolvra")
    )
    ctx = JudgeContext(gateway=MeteredGateway(teacher.transport, None), model=ModelSettings("scripted"), egress=TITLES)
    [judgement] = asyncio.run(make_core(None).score([(pair, compare(pair).rationale)], ctx))
    assert judgement.score(Axis.CORE) is None
    assert "may not leave this machine" in judgement.scores[0].unscored_reason
    assert teacher.transport.requests == []
