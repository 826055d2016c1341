"""Model judges: one axis each, levels to scores, never a gold label, and unscored instead of zero."""

# The doubles live in conftest.py, which tests cannot import for their types.

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from epm.errors import ErrorClass, ModelError
from epm.evidence.engine import compare
from epm.gateway.metered import MeteredGateway
from epm.gateway.request import ModelSettings
from epm.gateway.transports.rules import RulesTransport
from epm.judge import JudgeContext
from epm.judges.model_judge import make_core, make_identifier, make_variant
from epm.rationale import Axis
from epm.relation import Label

MAKERS = {Axis.CORE: make_core, Axis.IDENTIFIER: make_identifier, Axis.VARIANT: make_variant}


def judged(teacher, pair, axis=Axis.CORE, **context):
    values = {"gateway": MeteredGateway(teacher.transport, None), "model": ModelSettings("scripted"), **context}
    [judgement] = asyncio.run(MAKERS[axis](None).score([(pair, compare(pair).rationale)], JudgeContext(**values)))
    return judgement


@pytest.mark.parametrize("axis", list(Axis))
@pytest.mark.parametrize(("level", "score"), [("sound", 1.0), ("partial", 0.5), ("unsound", 0.0)])
def test_a_level_becomes_a_score_on_the_judge_s_own_axis(teacher, pair, axis, level, score) -> None:
    teacher.transport.scripts[None] = lambda *_: {"findings": ["model agrees"], "reason": "shown by quotes", "level": level}
    judgement = judged(teacher, pair, axis)
    assert [(s.axis, s.score, s.level, s.reason) for s in judgement.scores] == [(axis, score, level, "shown by quotes model agrees")]
    assert (judgement.judge, judgement.cost_usd) == (axis.value, 0.01)


def test_the_gold_label_never_reaches_a_judge(teacher, pair) -> None:
    teacher.transport.scripts[None] = lambda *_: {"findings": [], "reason": "fine", "level": "sound"}
    marked = replace(
        pair, gold_label=Label.MATCH, split="GOLDMARK", extras={"x": "GOLDMARK"}, left=replace(pair.left, cluster_id="GOLDMARK")
    )
    judged(teacher, marked)
    judged(teacher, replace(marked, gold_label=Label.NO_MATCH))
    first, second = teacher.transport.sent()
    assert first == second
    assert "GOLDMARK" not in first


@pytest.mark.parametrize("context", [{"model": None}, {"gateway": None}, {"model": ModelSettings("rules")}])
def test_without_a_model_a_judge_is_unscored_and_the_rules_never_stand_in(teacher, pair, context) -> None:
    judgement = judged(teacher, pair, **{"gateway": MeteredGateway(RulesTransport(), None), **context})
    assert judgement.score(Axis.CORE) is None
    assert judgement.scores[0].unscored_reason.startswith("no model")
    assert teacher.transport.requests == []


def test_a_failed_call_is_unscored_with_its_class_and_never_zero(teacher, pair) -> None:
    def refuse(*_):
        raise ModelError("no", ErrorClass.CONTENT_FILTER)

    teacher.transport.scripts[None] = refuse
    judgement = judged(teacher, pair)
    assert judgement.score(Axis.CORE) is None
    assert judgement.scores[0].unscored_reason.startswith("content_filter")


def test_a_reply_that_does_not_fit_after_one_repair_is_unscored(teacher, pair) -> None:
    teacher.transport.scripts[None] = lambda *_: {"level": "splendid"}
    judgement = judged(teacher, pair)
    assert judgement.scores[0].unscored_reason.startswith("invalid_structure")
    assert len(teacher.transport.requests) == 2


def test_a_judge_sees_both_listings_the_readings_of_its_axis_and_the_rationale(teacher, pair) -> None:
    teacher.transport.scripts[None] = lambda *_: {"findings": [], "reason": "fine", "level": "sound"}
    judged(teacher, replace(pair, left=replace(pair.left, gtin="4006381333931")), Axis.IDENTIFIER)
    user = teacher.transport.requests[0].body["messages"][-1]["content"]
    for part in ('<data name="left">', '<data name="right">', '<data name="evidence">', '<data name="rationale">', pair.right.title):
        assert part in user
    evidence = user.split('<data name="evidence">')[1].split("</data>")[0]
    assert "4006381333931" in evidence
    assert "black" not in evidence
