import math

from hypothesis import given
from hypothesis import strategies as st

from epm.distill.rewards import REWARD_WEIGHTS, RewardParts, masked

UNIT = st.floats(0, 1, allow_nan=False)
BIT = st.sampled_from([0.0, 1.0])
PARTS = st.builds(RewardParts, BIT, BIT, UNIT, UNIT, UNIT)
GAPPY = st.builds(RewardParts, st.just(1.0), BIT, UNIT | st.none(), UNIT | st.none(), UNIT | st.none())


@given(PARTS)
def test_the_reward_lies_between_zero_and_one(parts: RewardParts) -> None:
    reward = parts.reward()
    assert reward is not None
    assert 0 <= reward <= 1 + 1e-12


@given(PARTS)
def test_the_reward_is_the_weighted_sum_of_its_five_components(parts: RewardParts) -> None:
    weighted = sum(weight * (value or 0.0) for weight, value in zip(REWARD_WEIGHTS, parts.values(), strict=True))
    reward = parts.reward()
    assert reward is not None
    assert math.isclose(weighted, reward, abs_tol=1e-12)


@given(UNIT, UNIT, UNIT)
def test_a_wrong_label_never_beats_the_same_rationale_with_the_right_label(core: float, identifier: float, variant: float) -> None:
    right = RewardParts(1.0, 1.0, core, identifier, variant).reward()
    wrong = RewardParts(1.0, 0.0, core, identifier, variant).reward()
    assert right is not None
    assert wrong is not None
    assert right - wrong >= 0.5 - 1e-12


@given(st.lists(GAPPY, min_size=1, max_size=8))
def test_masking_changes_no_score_and_never_moves_the_mean_of_the_scored_rollouts(group: list[RewardParts]) -> None:
    for name in ("core", "identifier", "variant"):
        before = [getattr(parts, name) for parts in group]
        after = [getattr(parts, name) for parts in masked(group)]
        known = [value for value in before if value is not None]
        if not known:
            assert after == [None] * len(group)
            continue
        assert [a for a, b in zip(after, before, strict=True) if b is not None] == known
        assert math.isclose(sum(after) / len(after), sum(known) / len(known), abs_tol=1e-9)
