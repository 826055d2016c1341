"""Which pairs are chosen, why, and what the choice never looks at."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, DataError, ErrorClass
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label, Relation
from epm.selection.policy import SelectionPolicy, Signal, default_weights, parse_weights
from epm.selection.selection import AT_RANDOM, BY_SCORE, Selection, select


@dataclass
class Scripted:
    """Says the probability of each pair id; ``None`` abstains, and an id that is not there fails."""

    said: Mapping[str, float | None]
    name: str = "scripted"
    version: str = "1"
    saw: list[Pair] = field(default_factory=list)

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        self.saw.extend(batch)
        return [self._decision(pair.id) for pair in batch]

    def _decision(self, pair_id: str) -> Decision:
        if pair_id not in self.said:
            return Decision.failed(pair_id, ErrorClass.BAD_REQUEST, "not recorded")
        probability = self.said[pair_id]
        if probability is None:
            return Decision(pair_id, Outcome.ABSTAINED)
        label = Label.MATCH if probability >= 0.5 else Label.NO_MATCH
        return Decision(pair_id, Outcome.DECIDED, label=label, probability=probability)


WORDS = ("kettle", "drill", "lamp", "toaster", "camera", "tent", "mouse", "router", "boots", "tyre")


def candidate(number: int, **extras: object) -> Pair:
    word = WORDS[number % len(WORDS)]
    titles = f"Kolvra {word} {number * 7919 % 10007} X{number}", f"{word} Tesmar {number * 104729 % 10009} Q{number}"
    left, right = (Listing(f"{side}{number}", title) for side, title in zip("lr", titles, strict=True))
    return Pair(f"p{number}", left, right, extras=MappingProxyType(extras))


PAIRS = [candidate(i) for i in range(40)]
UNSURE = Scripted({f"p{i}": 0.5 if i == 7 else 0.01 * i for i in range(40)})


def ids(selection: Selection, by: str | None = None) -> list[str]:
    return [one.pair.id for one in selection.chosen if by in {None, one.by}]


def only(signal: Signal, n: int = 3, **more: object) -> SelectionPolicy:
    return SelectionPolicy(n, {signal: 1.0}, random_share=0.0, **more)  # type: ignore[arg-type]


def test_the_pairs_nearest_to_one_half_are_the_most_uncertain() -> None:
    found = select(PAIRS, only(Signal.UNCERTAINTY), matchers=[UNSURE])
    assert ids(found) == ["p7", "p39", "p38"]
    assert [round(one.score, 2) for one in found.chosen] == [1.0, 0.78, 0.76]
    assert found.chosen[1].reason == "uncertainty 0.78 (scripted 0.39)"


def test_what_a_matcher_could_not_decide_is_uncertain_and_what_failed_is_unknown() -> None:
    matcher = Scripted({**{f"p{i}": 0.1 for i in range(38)}, "p38": None})
    found = select(PAIRS, only(Signal.UNCERTAINTY, 1), matchers=[matcher])
    assert (ids(found), found.n_failed) == (["p38"], {"scripted": 1})
    both = select(PAIRS, only(Signal.UNCERTAINTY, 1), matchers=[matcher, Scripted({**UNSURE.said, "p7": 0.07, "p38": 0.0}, "other")])
    assert ids(both) == ["p39"], "the failed matcher does not lower what the other one says"


def test_pairs_on_which_matchers_disagree_come_first() -> None:
    one, other = Scripted({p.id: 0.9 for p in PAIRS}, "one"), Scripted({p.id: 0.1 if p.id == "p5" else 0.8 for p in PAIRS}, "other")
    found = select(PAIRS, only(Signal.DISAGREEMENT, 1), matchers=[one, other])
    assert ids(found) == ["p5"]
    assert found.chosen[0].reason == "disagreement 1.00 (one match, other no_match)"


def test_a_matcher_that_abstains_agrees_and_disagrees_with_nobody() -> None:
    said = [Scripted({p.id: 0.9 for p in PAIRS}, "one"), Scripted({**{p.id: 0.9 for p in PAIRS}, "p5": None, "p6": 0.1}, "other")]
    assert ids(select(PAIRS, only(Signal.DISAGREEMENT, 1), matchers=said)) == ["p6"]


def test_the_highest_values_come_first_and_the_amount_is_told() -> None:
    pairs = [candidate(i, revenue=i * 10) for i in range(20)]
    found = select(pairs, only(Signal.VALUE, 2), matchers=[], value_column="revenue")
    assert ids(found) == ["p19", "p18"]
    assert found.chosen[0].reason == "value 0.97 (revenue 190)"


def test_weights_trade_one_signal_for_another() -> None:
    pairs = [candidate(i, revenue=i) for i in range(40)]
    weights = {Signal.UNCERTAINTY: 1.0, Signal.VALUE: 3.0}
    chosen = [
        ids(select(pairs, SelectionPolicy(1, w, random_share=0.0), matchers=[Scripted({p.id: 0.5 if p.id == "p3" else 0.05 for p in pairs})], value_column="revenue"))
        for w in (weights, {**weights, Signal.UNCERTAINTY: 9.0})
    ]  # fmt: skip
    assert chosen == [["p39"], ["p3"]]


def test_gold_labels_clusters_and_unknown_columns_reach_no_matcher_and_change_nothing() -> None:
    matchers = [make_matcher("evidence-rules"), make_matcher("model-token")]
    policy = SelectionPolicy(9, default_weights(n_matchers=3, has_value=False))
    rng, spy = random.Random(1), Scripted({p.id: 0.2 for p in PAIRS}, "spy")
    plain = select(PAIRS, policy, matchers=[*matchers, spy])
    told = [
        replace(
            pair, gold_label=rng.choice(list(Label)), relation=rng.choice(list(Relation)), split="test", extras=MappingProxyType({"gold": 1}),
            left=replace(pair.left, cluster_id="c1", extras={"answer": "match"}), right=replace(pair.right, cluster_id="c1", source="shop"),
        )
        for pair in PAIRS
    ]  # fmt: skip
    again = select(told, policy, matchers=[*matchers, replace(spy, saw=spy.saw)])
    assert [(one.pair.id, one.score, one.reason) for one in again.chosen] == [(one.pair.id, one.score, one.reason) for one in plain.chosen]
    for pair in spy.saw:
        assert (pair.gold_label, pair.relation, pair.split, dict(pair.extras)) == (None, None, None, {})
        assert {(side.cluster_id, side.source, len(side.extras)) for side in (pair.left, pair.right)} == {(None, None, 0)}
    assert next(again.pairs()).gold_label is not None, "the chosen pairs are handed on as they came"


def test_near_duplicates_of_a_chosen_pair_are_passed_over_whichever_side_they_stand_on() -> None:
    twins = [replace(PAIRS[7], id=f"twin{i}") for i in range(5)]
    mirrored = replace(PAIRS[7].swapped(), id="mirrored")
    said = Scripted({**UNSURE.said, **{p.id: 0.5 for p in (*twins, mirrored)}})
    weights = {Signal.UNCERTAINTY: 1.0, Signal.DIVERSITY: 0.1}
    found = select([*PAIRS, *twins, mirrored], SelectionPolicy(4, weights, random_share=0.0), matchers=[said])
    assert (len({*ids(found)} & {"p7", "mirrored", *(t.id for t in twins)}), found.n_near_duplicates) == (1, 6)
    without = select([*PAIRS, *twins, mirrored], only(Signal.UNCERTAINTY, 4), matchers=[said])
    assert len({*ids(without)} & {"p7", "mirrored", *(t.id for t in twins)}) == 4


def test_diversity_spreads_the_choice_over_products() -> None:
    lamps = [Pair(f"lamp{i}", Listing("l", f"Kolvra desk lamp {i}0 W black"), Listing("r", f"Kolvra lamp {i}0 W")) for i in range(8)]
    others = [candidate(i) for i in range(3)]
    said = Scripted({**{p.id: 0.5 for p in lamps}, **{p.id: 0.35 for p in others}})
    alike = select([*lamps, *others], only(Signal.UNCERTAINTY, 4), matchers=[said])
    spread = select(
        [*lamps, *others], SelectionPolicy(4, {Signal.UNCERTAINTY: 1.0, Signal.DIVERSITY: 1.0}, random_share=0.0), matchers=[said]
    )
    assert [sum(i.startswith("lamp") for i in ids(found)) for found in (alike, spread)] == [4, 1]
    assert spread.chosen[0].signals[Signal.DIVERSITY] == 1.0
    assert spread.chosen[-1].signals[Signal.DIVERSITY] < 1.0


def test_fewer_are_chosen_where_everything_else_is_a_near_duplicate() -> None:
    twins = [replace(PAIRS[0], id=f"twin{i}") for i in range(10)]
    policy = SelectionPolicy(5, {Signal.UNCERTAINTY: 1.0, Signal.DIVERSITY: 1.0}, random_share=0.0)
    found = select([*twins, PAIRS[1]], policy, matchers=[Scripted({p.id: 0.3 for p in (*twins, PAIRS[1])})])
    assert (len(found.chosen), found.n_near_duplicates) == (2, 9)


def test_a_share_is_drawn_from_all_candidates_alike_by_the_seed_and_marked() -> None:
    pairs = [candidate(i) for i in range(300)]
    said = Scripted({p.id: i / 300 for i, p in enumerate(pairs)})
    policy = SelectionPolicy(30, {Signal.UNCERTAINTY: 1.0}, random_share=0.5)
    drawn = [ids(select(pairs, replace(policy, seed=seed), matchers=[said]), AT_RANDOM) for seed in range(20)]
    assert {len(one) for one in drawn} == {15}
    assert len({tuple(one) for one in drawn}) == 20
    sure = sum(abs(said.said[i] - 0.5) > 0.25 for one in drawn for i in one)  # type: ignore[operator]
    assert 120 <= sure <= 180, "of 300 drawn pairs about half are sure ones, as among the candidates: the score plays no part"
    found = select(pairs, policy, matchers=[said])
    assert len(ids(found, BY_SCORE)) == 15
    assert len(set(ids(found))) == 30
    assert found.chosen[0].reason == "drawn at random, 15 of 300"
    assert found.figures()["random_rate"] == 0.05


def test_the_order_of_the_candidates_changes_nothing() -> None:
    matchers = [make_matcher("evidence-rules"), make_matcher("model-token")]
    policy = SelectionPolicy(12, default_weights(n_matchers=2, has_value=False), seed=4)
    there, back = (select(pairs, policy, matchers=matchers) for pairs in (PAIRS, PAIRS[::-1]))
    assert there == back


def test_the_chosen_pairs_say_in_their_extras_why_they_were_chosen() -> None:
    found = select(PAIRS, SelectionPolicy(2, {Signal.UNCERTAINTY: 1.0, Signal.DIVERSITY: 1.0}, random_share=0.5), matchers=[UNSURE])
    drawn, scored = (pair.extras for pair in found.pairs())
    assert (drawn["select_by"], drawn["select_order"], drawn["select_reason"]) == ("random", 1, "drawn at random, 1 of 40")
    assert "select_diversity" not in drawn
    assert scored.keys() >= {"select_uncertainty", "select_diversity", "select_score", "select_reason"}
    assert scored["select_by"] == "score"


@pytest.mark.parametrize(
    ("weights", "n_matchers", "column", "message"),
    [
        ({Signal.DISAGREEMENT: 1.0}, 1, None, "disagreement needs two matchers"),
        ({Signal.UNCERTAINTY: 1.0}, 0, None, "uncertainty needs a matcher"),
        ({Signal.VALUE: 1.0}, 1, None, "value needs a value column"),
        ({Signal.UNCERTAINTY: 1.0}, 1, "revenue", "'revenue' has no weight"),
    ],
)
def test_a_weighed_signal_needs_something_to_be_read_from(
    weights: dict[Signal, float], n_matchers: int, column: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        select(PAIRS, SelectionPolicy(3, weights), matchers=[UNSURE] * n_matchers, value_column=column)


def test_labels_in_the_guise_of_probabilities_tell_no_uncertainty() -> None:
    with pytest.raises(ConfigError, match="no probability of scripted says how sure it is"):
        select(PAIRS, only(Signal.UNCERTAINTY), matchers=[Scripted({p.id: float(i % 2) for i, p in enumerate(PAIRS)})])


def test_a_matcher_that_knows_no_candidate_is_a_user_error() -> None:
    with pytest.raises(ConfigError, match="failed on every one of 40 candidates: not recorded"):
        select(PAIRS, only(Signal.UNCERTAINTY), matchers=[Scripted({})])


def test_there_must_be_more_candidates_than_are_wanted_each_with_its_own_id() -> None:
    with pytest.raises(DataError, match="40 pairs are wanted of 40 candidates"):
        select(PAIRS, only(Signal.UNCERTAINTY, 40), matchers=[UNSURE])
    with pytest.raises(ConfigError, match="share an id"):
        select([*PAIRS, PAIRS[0]], only(Signal.UNCERTAINTY), matchers=[UNSURE])


def test_weights_are_read_from_text_and_no_signal_without_a_source_has_one_by_default() -> None:
    assert parse_weights(["uncertainty=2", "value=0.5"]) == {Signal.UNCERTAINTY: 2.0, Signal.VALUE: 0.5}
    assert set(default_weights(n_matchers=1, has_value=False)) == {Signal.UNCERTAINTY, Signal.DIVERSITY}
    assert set(default_weights(n_matchers=2, has_value=True)) == set(Signal)
    for texts, message in ((["luck=1"], "not NAME=NUMBER"), (["value"], "not NAME=NUMBER"), (["value=1", "value=2"], "stands twice")):
        with pytest.raises(ConfigError, match=message):
            parse_weights(texts)


@pytest.mark.parametrize(
    ("n", "weights", "share"),
    [(0, 1.0, 0.1), (3, 0.0, 0.1), (3, -1.0, 0.1), (3, float("nan"), 0.1), (3, 1.0, 1.2), (3, 1.0, float("nan"))],
)
def test_a_policy_that_cannot_be_followed_is_refused(n: int, weights: float, share: float) -> None:
    with pytest.raises(ConfigError):
        SelectionPolicy(n, {Signal.VALUE: weights}, random_share=share)


def test_weights_that_add_up_to_no_number_are_refused() -> None:
    with pytest.raises(ConfigError, match="add up to no number"):
        SelectionPolicy(3, {Signal.UNCERTAINTY: 1e308, Signal.DIVERSITY: 1e308})
