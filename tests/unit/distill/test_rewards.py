from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from epm.distill.rewards import COMPONENTS, MALFORMED, REWARD_WEIGHTS, RewardModel, RewardParts, masked
from epm.errors import ErrorClass, ModelError
from epm.judge import JudgeContext
from epm.judgement import AxisScore, Judgement
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Relation
from epm.student_prompt import render_prompt
from epm.student_text import render

MakeRationale = Callable[[Relation], Rationale]


class ScriptedJudge:
    """Scores each rationale by its relation; a relation without a score is unscored. Remembers what it was shown."""

    name = "scripted"
    version = "1"

    def __init__(self, scores: dict[Relation, float], *, fails: bool = False) -> None:
        self.scores = scores
        self.fails = fails
        self.calls: list[list[tuple[Pair, Rationale]]] = []

    async def score(self, batch: Sequence[tuple[Pair, Rationale]], ctx: JudgeContext) -> list[Judgement]:
        self.calls.append(list(batch))
        if self.fails:
            raise ModelError("no answer", ErrorClass.TIMEOUT)
        return [Judgement(pair.id, rationale.sha(), self.name, self._axes(rationale)) for pair, rationale in batch]

    def _axes(self, rationale: Rationale) -> tuple[AxisScore, ...]:
        score = self.scores.get(rationale.relation)
        return tuple(AxisScore.unscored(axis, "no score") if score is None else AxisScore(axis, score) for axis in Axis)


def test_a_right_well_formed_answer_with_silent_judges_at_zero_earns_three_quarters() -> None:
    assert RewardParts(1.0, 1.0, 0.0, 0.0, 0.0).reward() == 0.75


def test_a_wrong_answer_that_pleases_every_judge_earns_half() -> None:
    assert RewardParts(1.0, 0.0, 1.0, 1.0, 1.0).reward() == 0.5


def test_a_malformed_text_earns_nothing_on_any_component(pair: Pair) -> None:
    judge = ScriptedJudge({})
    rewards = RewardModel([judge], {render_prompt(pair): pair})
    assert rewards.parts([render_prompt(pair)], ["<core>broken"]) == [MALFORMED]
    assert judge.calls == []


def test_an_unscored_axis_gets_the_mean_of_the_scored_rollouts_of_its_group_and_malformed_ones_do_not_count() -> None:
    scored, unscored = RewardParts(1.0, 1.0, 0.8, 0.4, 1.0), RewardParts(1.0, 0.0, None, 0.6, 1.0)
    first, second, third = masked([scored, unscored, MALFORMED])
    assert first == scored
    assert second == replace(unscored, core=0.8)
    assert third == MALFORMED


def test_an_axis_that_no_rollout_has_a_score_for_is_dropped_for_the_whole_group() -> None:
    group = masked([RewardParts(1.0, 1.0, None, 1.0, 1.0), RewardParts(1.0, 0.0, None, 1.0, 1.0), MALFORMED])
    assert [parts.core for parts in group] == [None, None, None]
    assert [parts.identifier for parts in group] == [1.0, 1.0, 0.0]


def test_masking_stays_within_a_group(pair: Pair, rationale_of: MakeRationale) -> None:
    other = pair.swapped()
    prompts = [render_prompt(pair), render_prompt(pair), render_prompt(other)]
    texts = [render(rationale_of(r)) for r in (Relation.EXACT, Relation.VARIANT, Relation.VARIANT)]
    rewards = RewardModel([ScriptedJudge({Relation.EXACT: 0.5})], {render_prompt(pair): pair, render_prompt(other): other})
    assert [parts.core for parts in rewards.masked_parts(prompts, texts)] == [0.5, 0.5, None]


def test_a_judge_that_fails_masks_instead_of_punishing(pair: Pair, rationale_of: MakeRationale) -> None:
    rewards = RewardModel([ScriptedJudge({}, fails=True)], {render_prompt(pair): pair})
    assert rewards.parts([render_prompt(pair)], [render(rationale_of(Relation.EXACT))]) == [RewardParts(1.0, 1.0, None, None, None)]
    assert (rewards.n_judged, rewards.n_unscored) == (1, 1)


def test_five_reward_functions_cost_one_panel_call_for_each_prompt_and_completion(pair: Pair, rationale_of: MakeRationale) -> None:
    judge = ScriptedJudge({Relation.EXACT: 1.0, Relation.VARIANT: 0.25})
    rewards = RewardModel([judge], {render_prompt(pair): pair})
    texts = [render(rationale_of(r)) for r in (Relation.EXACT, Relation.VARIANT, Relation.EXACT)]
    columns = {f.__name__: f(prompts=[render_prompt(pair)] * 3, completions=texts, step=1) for f in rewards.functions()}
    assert tuple(columns) == COMPONENTS
    assert columns["label"] == [1.0, 0.0, 1.0]
    assert columns["core"] == [1.0, 0.25, 1.0]
    assert sum(len(call) for call in judge.calls) == 2


def test_the_same_text_about_the_swapped_pair_is_judged_anew(pair: Pair, rationale_of: MakeRationale) -> None:
    judge = ScriptedJudge({Relation.EXACT: 1.0})
    rewards = RewardModel([judge], {render_prompt(pair): pair, render_prompt(pair.swapped()): pair.swapped()})
    rewards.parts([render_prompt(pair), render_prompt(pair.swapped())], [render(rationale_of(Relation.EXACT))] * 2)
    assert [shown.left.id for shown, _ in judge.calls[0]] == ["l1", "r1"]


def test_judges_never_see_the_gold_label(pair: Pair, rationale_of: MakeRationale) -> None:
    judge = ScriptedJudge({Relation.EXACT: 1.0})
    RewardModel([judge], {render_prompt(pair): pair}).parts([render_prompt(pair)], [render(rationale_of(Relation.EXACT))])
    shown = judge.calls[0][0][0]
    assert (shown.gold_label, shown.relation, shown.left) == (None, None, pair.left)


def test_the_memo_is_bounded(pair: Pair, rationale_of: MakeRationale) -> None:
    judge = ScriptedJudge(dict.fromkeys(Relation, 1.0))
    rewards = RewardModel([judge], {render_prompt(pair): pair}, memo_size=1)
    for relation in (Relation.EXACT, Relation.VARIANT, Relation.EXACT):
        rewards.parts([render_prompt(pair)], [render(rationale_of(relation))])
    assert len(judge.calls) == 3


def test_an_undecided_answer_is_well_formed_but_never_right(pair: Pair, rationale_of: MakeRationale) -> None:
    rewards = RewardModel([ScriptedJudge({Relation.UNDECIDABLE: 1.0})], {render_prompt(pair): pair})
    (parts,) = rewards.parts([render_prompt(pair)], [render(rationale_of(Relation.UNDECIDABLE))])
    assert (parts.format, parts.label) == (1.0, 0.0)


def test_the_weights_are_those_of_the_paper() -> None:
    assert pytest.approx((0.25, 0.5, 1 / 12, 1 / 12, 1 / 12)) == REWARD_WEIGHTS
