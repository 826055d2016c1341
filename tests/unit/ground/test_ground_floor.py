"""The words of the domain hold their invariants."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import epm
from epm.artifact import read_card, write_card
from epm.decision import Decision, Outcome
from epm.errors import ArtifactError, ConfigError, ErrorClass, ExitCode, GateError
from epm.identity import FAMILY, PER_UNIT, STRICT, load_identity_rule
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.registry import make_judge, make_matcher
from epm.relation import Label, Relation

NOTHING = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)


def test_strict_matches_exact_alone() -> None:
    assert [r for r in Relation if STRICT.label(r) is Label.MATCH] == [Relation.EXACT]


def test_family_adds_variants_and_per_unit_adds_packs() -> None:
    assert FAMILY.label(Relation.VARIANT) is Label.MATCH
    assert FAMILY.label(Relation.OTHER_PACK) is Label.NO_MATCH
    assert PER_UNIT.label(Relation.OTHER_PACK) is Label.MATCH
    assert PER_UNIT.label(Relation.VARIANT) is Label.NO_MATCH


@pytest.mark.parametrize("rule", [STRICT, FAMILY, PER_UNIT])
def test_no_rule_labels_an_undecidable_pair(rule: object) -> None:
    assert rule.label(Relation.UNDECIDABLE) is None  # type: ignore[attr-defined]


def test_an_identity_rule_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    path.write_text('name = "c"\nmatching = ["exact", "condition"]\nstatement = "s"\n', encoding="utf-8")
    assert load_identity_rule(str(path)).label(Relation.CONDITION) is Label.MATCH


@pytest.mark.parametrize(
    "text", ["name = 1", 'name="x"\nmatching=["same"]\nstatement="s"', 'name="x"\nmatching=["undecidable"]\nstatement="s"']
)
def test_a_wrong_identity_rule_file_is_a_config_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rule.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_identity_rule(str(path))


def test_an_unknown_identity_rule_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="per-unit"):
        load_identity_rule("loose")


def test_a_missing_side_can_only_be_unknown() -> None:
    with pytest.raises(ValidationError, match="missing side"):
        Comparison(attribute="colour", left="black", right=None, verdict=Verdict.DIFFERENT)


def test_only_an_undecidable_rationale_has_no_label() -> None:
    with pytest.raises(ValidationError):
        Rationale(core=NOTHING, identifier=NOTHING, variant=NOTHING, relation=Relation.EXACT, label=None)


def test_bookkeeping_is_no_text_a_matcher_may_read() -> None:
    listing = Listing("id1", "Title", cluster_id="secret", source="shop", extras={"label": 1}, attributes={"colour": "red"})
    assert listing.texts() == {"title": "Title", "attributes.colour": "red"}


def test_a_hashed_pair_id_depends_on_both_sides_and_their_order() -> None:
    a, b = Listing("a", "x"), Listing("b", "y")
    assert Pair.hashed_id(a, b) != Pair.hashed_id(b, a)
    assert Pair.hashed_id(a, b) == Pair.hashed_id(Listing("a", "x"), Listing("b", "y"))


def test_a_failed_decision_has_a_class_and_no_label() -> None:
    failed = Decision.failed("p", ErrorClass.TIMEOUT, "no answer within 60 s")
    assert failed.outcome is Outcome.FAILED
    assert failed.label is None
    with pytest.raises(ValueError, match="outcome 'failed'"):
        Decision("p", Outcome.FAILED)
    with pytest.raises(ValueError, match="with label"):
        Decision("p", Outcome.ABSTAINED, label=Label.MATCH)


def test_an_undecidable_rationale_becomes_an_abstention() -> None:
    rationale = Rationale(core=NOTHING, identifier=NOTHING, variant=NOTHING, relation=Relation.UNDECIDABLE, label=None)
    assert Decision.from_rationale("p", rationale).outcome is Outcome.ABSTAINED


def test_unscored_is_not_zero() -> None:
    judgement = Judgement("p", "sha", "j", (AxisScore.unscored(Axis.CORE, "timeout"), AxisScore(Axis.VARIANT, 0.0)))
    assert judgement.score(Axis.CORE) is None
    assert judgement.score(Axis.VARIANT) == 0.0
    assert not judgement.is_complete()
    with pytest.raises(ValueError, match="needs either"):
        AxisScore(Axis.CORE, None)
    with pytest.raises(ValueError, match="outside"):
        AxisScore(Axis.CORE, 1.5)


def test_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "BUG": 1,
        "USER_ERROR": 2,
        "BUDGET": 3,
        "GATE_FAILED": 4,
        "UNDECIDED": 5,
    }
    assert GateError.exit_code is ExitCode.GATE_FAILED


def test_only_transient_classes_are_retried() -> None:
    assert {c for c in ErrorClass if c.is_retryable} == {
        ErrorClass.RATE_LIMITED,
        ErrorClass.OVERLOADED,
        ErrorClass.TIMEOUT,
        ErrorClass.CONNECTION,
    }


def test_an_unknown_matcher_or_judge_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="evidence-rules"):
        make_matcher("best")
    with pytest.raises(ConfigError, match="checks"):
        make_judge("nobody")


def test_an_artifact_card_round_trips_and_names_a_wrong_kind(tmp_path: Path) -> None:
    write_card(
        tmp_path / "a", kind="student", name="s", data={"train": "00"}, config={"lr": 0.1}, versions={"torch": "2"}, figures={"f1": 0.5}
    )
    assert read_card(tmp_path / "a", kind="student").figures == {"f1": 0.5}
    with pytest.raises(ArtifactError, match="is a 'student'"):
        read_card(tmp_path / "a", kind="encoder")
    with pytest.raises(ArtifactError, match=r"no artifact"):
        read_card(tmp_path / "none", kind="student")


def test_every_public_name_is_there_and_listed_once() -> None:
    assert sorted(epm.__all__) == sorted({*epm._HOME, "__version__"})
    for name in epm.__all__:
        assert getattr(epm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'best'"):
        _ = epm.best
