from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epm.decision import Decision, Outcome
from epm.errors import ArtifactError, ConfigError, TrainError
from epm.evidence.entailment import entailment_problems, quote_problems
from epm.files.pairs import PairFile
from epm.identity import FAMILY, STRICT, IdentityRule
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matchers.agreeing_rationale import agreeing_rationale
from epm.matchers.evidence_features import FEATURES, feature_matrix, read_pair
from epm.matchers.evidence_fitting import FittedModel, fit, fit_evidence_model
from epm.matchers.evidence_model import EvidenceModelMatcher, make
from epm.matchers.linear_model import LinearModel
from epm.matchers.pair_model import Calibration
from epm.matchers.pair_model_file import read_pair_model, write_pair_model
from epm.matchers.product_folds import product_trials
from epm.matchers.tree_model import TreeModel
from epm.matchers.word_statistics import FloatArray, count_words
from epm.pair import Pair
from epm.relation import Label, Relation
from epm.sample import World, generate

N_TRAIN = 240
N_FOLDS = 3
KETTLES = Pair("k", Listing("a", "Kolvra KX-120 kettle black 1.7 l"), Listing("b", "KOLVRA KX120 Wasserkocher weiß 1,7l"))


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return [one.pair for one in generate(World.TRAIN, N_TRAIN, seed=5)]


@pytest.fixture(scope="module")
def fitted(pairs: list[Pair]) -> FittedModel:
    return fit(pairs, n_folds=N_FOLDS)


@pytest.fixture
def folder(tmp_path: Path, fitted: FittedModel) -> Path:
    write_pair_model(tmp_path, fitted.model)
    return tmp_path


def decide(fitted: FittedModel, pairs: Sequence[Pair], identity: IdentityRule = STRICT) -> list[Decision]:
    matcher = EvidenceModelMatcher(fitted.model, "v", "e")
    return asyncio.run(matcher.decide(pairs, MatchContext(identity=identity)))


def labelled_features(pairs: Sequence[Pair]) -> tuple[FloatArray, FloatArray]:
    words = count_words(side for pair in pairs for side in (pair.left, pair.right))
    labelled = [pair for pair in pairs if pair.gold_label is not None]
    features = feature_matrix(labelled, [read_pair(pair) for pair in labelled], words)
    return features, np.array([pair.gold_label is Label.MATCH for pair in labelled], dtype=np.float64)


def test_unseen_pairs_are_told_apart_better_than_by_chance(fitted: FittedModel) -> None:
    unseen = [one.pair for one in generate(World.TEST, 200, seed=6) if one.pair.gold_label is not None]
    right = [d.label is p.gold_label for d, p in zip(decide(fitted, unseen), unseen, strict=True)]
    most_frequent = max(sum(p.gold_label is label for p in unseen) for label in Label) / len(unseen)

    assert sum(right) / len(unseen) > most_frequent + 0.1


def test_a_label_says_whether_the_probability_reaches_the_threshold(fitted: FittedModel, pairs: list[Pair]) -> None:
    for threshold in (0.0, 1.0):  # the model knows its own pairs: hardly any lies between 0.05 and 0.95
        model = replace(fitted, model=replace(fitted.model, threshold=threshold))
        for decision in decide(model, pairs[:60]):
            assert decision.probability is not None
            assert decision.outcome is Outcome.ABSTAINED or (decision.label is Label.MATCH) is (decision.probability >= threshold)


def test_an_answer_does_not_depend_on_the_batch(fitted: FittedModel, pairs: list[Pair]) -> None:
    together = [d.probability for d in decide(fitted, pairs[:30])]

    assert [decide(fitted, [pair])[0].probability for pair in pairs[:30]] == together
    assert decide(fitted, []) == []


def test_no_feature_knows_left_from_right(pairs: list[Pair]) -> None:
    words = count_words(side for pair in pairs for side in (pair.left, pair.right))
    swapped = [pair.swapped() for pair in pairs]
    rows, others = (feature_matrix(some, [read_pair(pair) for pair in some], words) for some in (pairs, swapped))

    assert [name for name, a, b in zip(FEATURES, rows.T, others.T, strict=True) if not np.array_equal(a, b)] == []


def test_the_label_and_the_cluster_are_never_read(fitted: FittedModel, pairs: list[Pair]) -> None:
    told = replace(
        pairs[0], gold_label=Label.MATCH, left=replace(pairs[0].left, cluster_id="7"), right=replace(pairs[0].right, cluster_id="7")
    )
    blind = replace(pairs[0], gold_label=None, left=replace(pairs[0].left, cluster_id="1"), right=replace(pairs[0].right, cluster_id=None))

    assert decide(fitted, [told])[0].probability == decide(fitted, [blind])[0].probability


@pytest.mark.parametrize("label", list(Label))
@pytest.mark.parametrize("identity", [STRICT, FAMILY])
def test_a_rationale_argues_for_the_label_whatever_the_engine_thinks(pairs: list[Pair], label: Label, identity: IdentityRule) -> None:
    n_overridden = 0
    for pair in [*pairs[:120], KETTLES]:
        written = agreeing_rationale(read_pair(pair), label, identity)
        n_overridden += bool(written.overridden)

        assert written.rationale.label in {label, None}
        assert entailment_problems(written.rationale, identity) == ()
        assert quote_problems(written.rationale, pair.left.texts(), pair.right.texts()) == ()
    assert n_overridden > 10


def test_an_overridden_conflict_is_named_and_becomes_unknown() -> None:
    written = agreeing_rationale(read_pair(KETTLES), Label.MATCH, STRICT)

    assert written.overridden == ("relation variant", "variant colour")
    assert written.rationale.relation is Relation.EXACT
    assert [(c.left, c.right, c.verdict.value) for c in written.rationale.variant.comparisons if c.attribute == "colour"] == [
        ("black", "weiß", "unknown")
    ]


def test_a_side_without_words_is_abstained_from(fitted: FittedModel) -> None:
    (decision,) = decide(fitted, [Pair("p", Listing("a", "!!!"), Listing("b", ""))])

    assert decision.outcome is Outcome.ABSTAINED
    assert decision.label is None


def test_a_rule_by_which_exact_is_no_match_is_refused(fitted: FittedModel) -> None:
    with pytest.raises(ConfigError, match="'odd' does not match 'exact'"):
        decide(fitted, [KETTLES], IdentityRule("odd", frozenset({Relation.VARIANT}), "only variants"))


def test_every_pair_is_tried_once_by_a_fit_that_saw_neither_product(pairs: list[Pair]) -> None:
    def products(places: Sequence[int]) -> set[str]:
        return {side.product_id() for place in places for side in (pairs[place].left, pairs[place].right)}

    trials = list(product_trials(pairs, n_folds=4))

    assert sorted(place for trial in trials for place in trial.tried) == list(range(len(pairs)))
    assert all(not products(trial.fitted) & products(trial.tried) for trial in trials)
    assert all(len(trial.fitted) for trial in trials)


def test_products_that_a_match_joins_stand_in_one_fold() -> None:
    chain = [Pair(f"{i}", Listing(f"l{i}", f"kettle {i}"), Listing(f"l{i + 1}", f"kettle {i + 1}"), Label.MATCH) for i in range(6)]
    (trial,) = product_trials(chain, n_folds=3)

    assert len(trial.tried) == 6
    assert len(trial.fitted) == 0


def test_the_arrays_score_as_scikit_learn_does(pairs: list[Pair]) -> None:
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, matches = labelled_features(pairs)
    weights = np.where(matches == 1, 2.0, 1.0)
    trees = GradientBoostingClassifier(
        n_estimators=150, learning_rate=0.08, max_depth=4, subsample=0.6, max_features=0.25, min_samples_leaf=10, random_state=3
    ).fit(features, matches, weights)
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    linear.fit(features, matches, logisticregression__sample_weight=weights)

    np.testing.assert_allclose(TreeModel.fitted(features, matches, weights, seed=3).log_odds(features), trees.decision_function(features))
    np.testing.assert_allclose(LinearModel.fitted(features, matches, weights).log_odds(features), linear.decision_function(features))


def test_calibrated_probabilities_agree_with_frequencies() -> None:
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 4, 20_000)
    matches = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * log_odds - 1)))).astype(np.float64)  # too sure by half, and shifted
    found = Calibration.fitted(log_odds, matches).probabilities(log_odds)
    inside = (found > 0.6) & (found < 0.8)

    assert matches[inside].mean() == pytest.approx(found[inside].mean(), abs=0.03)
    assert found.mean() == pytest.approx(matches.mean(), abs=0.01)


def test_the_card_says_which_recipes_lost(fitted: FittedModel) -> None:
    held_out = fitted.figures()["held_out_f1"]

    assert isinstance(held_out, dict)
    assert set(held_out) == {"linear", "trees", "linear+trees"}
    assert fitted.figures()["recipe"] == max(held_out, key=held_out.__getitem__)


def test_the_same_file_and_seed_give_the_same_model(pairs: list[Pair], folder: Path, tmp_path: Path, fitted: FittedModel) -> None:
    again = tmp_path / "again"
    fit_evidence_model(PairFile(tuple(pairs), "0" * 64, 0, (), ()), again, n_folds=N_FOLDS)

    assert (again / "model.json").read_bytes() == (folder / "model.json").read_bytes()
    made = make(str(again))
    assert made.model.threshold == fitted.model.threshold
    ours = asyncio.run(made.decide(pairs[:40], MatchContext()))
    assert [d.probability for d in ours] == [d.probability for d in decide(fitted, pairs[:40])]


def test_too_few_labels_are_refused(pairs: list[Pair]) -> None:
    with pytest.raises(TrainError, match="at least 20 matches and 20 non-matches"):
        fit(pairs[:12])


def test_a_matcher_without_folder_or_artifact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a folder"):
        make(None)
    with pytest.raises(ArtifactError, match=r"is no artifact: cannot read card\.json"):
        make(str(tmp_path))


def test_a_model_file_that_would_run_code_is_refused(folder: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("loading ran code",))

    with np.load(folder / "model.npz") as packed:
        arrays = dict(packed)
    trapped = io.BytesIO()
    np.savez(trapped, **{**arrays, "weights": np.array([Trap()], dtype=object)})
    (folder / "model.npz").write_bytes(trapped.getvalue())

    with pytest.raises(ArtifactError, match="is damaged"):
        read_pair_model(folder, features=FEATURES)


def test_trees_that_run_in_a_circle_are_refused(folder: Path, fitted: FittedModel) -> None:
    text = json.loads((folder / "model.json").read_text())
    with np.load(folder / "model.npz") as packed:
        arrays = dict(packed)
    arrays.update({name: np.array([0, 0]) for name in ("feature", "value", "threshold")}, lower=np.array([1, 0]), higher=np.array([1, 0]))
    arrays["roots"] = np.array([0])
    (folder / "model.json").write_text(json.dumps({**text, "tree_bias": 0.0}))
    np.savez(folder / "model.npz", **arrays)

    with pytest.raises(ArtifactError, match="in a circle"):
        read_pair_model(folder, features=FEATURES)


@pytest.mark.parametrize("damage", ["absent", "cut", "other features", "no scorer"])
def test_a_damaged_model_is_refused_with_a_remedy(folder: Path, damage: str) -> None:
    text = json.loads((folder / "model.json").read_text())
    if damage == "absent":
        (folder / "model.npz").unlink()
    elif damage == "cut":
        (folder / "model.npz").write_bytes((folder / "model.npz").read_bytes()[:500])
    elif damage == "other features":
        (folder / "model.json").write_text(json.dumps({**text, "features": text["features"][1:]}))
    else:
        (folder / "model.json").write_text(json.dumps({**text, "linear_bias": None, "tree_bias": None}))

    with pytest.raises(ArtifactError, match="epm fit evidence-model"):
        read_pair_model(folder, features=FEATURES)
