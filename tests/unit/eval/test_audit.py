"""Audits: agreement with gold beside it, who is right where they differ, and the gate."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sklearn.metrics import cohen_kappa_score

from epm.decision import Decision
from epm.errors import GateError
from epm.eval.audit import AuditReport, compare_decisions
from epm.pair import Pair
from epm.relation import Label, Relation

MATCH, NO_MATCH = Label.MATCH, Label.NO_MATCH
STUDENT = [MATCH, MATCH, NO_MATCH, NO_MATCH, MATCH, NO_MATCH]
ORACLE = [MATCH, NO_MATCH, MATCH, NO_MATCH, MATCH, NO_MATCH]
GOLD = [MATCH, MATCH, MATCH, NO_MATCH, NO_MATCH, None]


@pytest.fixture
def report(pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]) -> AuditReport:
    pairs = [pair_of(i, gold) for i, gold in enumerate(GOLD)]
    relation = {MATCH: Relation.EXACT, NO_MATCH: Relation.VARIANT}
    student = [decision_of(p, label, relation=relation[label]) for p, label in zip(pairs, STUDENT, strict=True)]
    return compare_decisions(pairs, ("student", student), ("oracle", [decision_of(p, x) for p, x in zip(pairs, ORACLE, strict=True)]))


def test_agreement_and_kappa_equal_those_of_scikit_learn(report: AuditReport) -> None:
    assert (report.n, report.n_both_decided, report.agreement, report.agreement_of_all) == (6, 6, 4 / 6, 4 / 6)
    assert report.kappa == pytest.approx(cohen_kappa_score(STUDENT, ORACLE))
    assert report.kappa_ci95 is not None
    assert report.kappa_ci95[0] <= report.kappa <= report.kappa_ci95[1]


def test_gold_stands_beside_agreement_and_says_who_is_right(report: AuditReport) -> None:
    assert (report.student.metrics.n, report.oracle.metrics.n) == (5, 5)
    assert (report.student.metrics.recall, report.oracle.metrics.recall) == (2 / 3, 2 / 3)
    assert report.student_right_oracle_wrong == ("p1",)
    assert report.oracle_right_student_wrong == ("p2",)


def test_disagreements_are_sorted_into_what_each_side_said(report: AuditReport) -> None:
    found = [(d.student, d.oracle, d.pair_ids, d.n_student_right, d.n_oracle_right) for d in report.disagreements]
    assert found == [("match (exact)", "no_match", ("p1",), 1, 0), ("no_match (variant)", "match", ("p2",), 0, 1)]


def test_a_failed_pair_is_no_agreement_even_when_the_oracle_says_no_match(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision], failed_decision: Callable[[Pair], Decision]
) -> None:
    pairs = [pair_of(0, NO_MATCH), pair_of(1, MATCH)]
    student = [failed_decision(pairs[0]), decision_of(pairs[1], MATCH)]
    report = compare_decisions(pairs, ("student", student), ("oracle", [decision_of(p, p.gold_label) for p in pairs]))
    assert (report.agreement, report.n_both_decided, report.agreement_of_all) == (1.0, 1, 0.5)
    assert (report.disagreements[0].student, report.student.failures) == ("failed (timeout)", {"timeout": 1})
    with pytest.raises(GateError, match=r"is 0\.5000 of 2 pairs, below the gate 0\.9000"):
        report.require_agreement(0.9)
    report.require_agreement(0.5)


def test_a_pair_that_both_leave_undecided_is_listed_as_no_agreement(
    pair_of: Callable[..., Pair], failed_decision: Callable[[Pair], Decision], abstained_decision: Callable[[Pair], Decision]
) -> None:
    pair = pair_of(0, MATCH)
    report = compare_decisions([pair], ("student", [abstained_decision(pair)]), ("oracle", [failed_decision(pair)]))
    assert [(d.student, d.oracle, d.pair_ids) for d in report.disagreements] == [("undecided", "failed (timeout)", ("p0",))]
    assert report.agreement_of_all == 0.0


def test_an_audit_without_gold_or_without_pairs_is_still_strict_json(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]
) -> None:
    pairs = [pair_of(0, None)]
    report = compare_decisions(pairs, ("a", [decision_of(pairs[0], MATCH)]), ("b", [decision_of(pairs[0], MATCH)]))
    shown = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert (shown["kappa"], shown["agreement"], shown["student"]["metrics"]["n"]) == (None, 1.0, 0)
    assert "no gold labels" in report.operating_point
    empty = compare_decisions([], ("a", []), ("b", []))
    json.dumps(empty.to_json(), allow_nan=False)
    with pytest.raises(GateError, match="undefined"):
        empty.require_agreement(0.0)


def test_the_operating_point_note_tells_both_shares_of_matches(report: AuditReport) -> None:
    assert "student says match on 50.0%, oracle says match on 50.0%; gold 60.0% of 5 labelled pairs" in report.operating_point
