"""The figures of a teaching run are counted from what is stored."""

from __future__ import annotations

from epm.agents.report import agreement, summarise
from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.store.call_figures import CallFigures


def pair(pair_id: str, gold: Label | None) -> Pair:
    return Pair(pair_id, Listing("l", "a"), Listing("r", "b"), gold_label=gold)


def decided(pair_id: str, label: Label, **provenance: object) -> Decision:
    relation = Relation.EXACT if label is Label.MATCH else Relation.DIFFERENT
    return Decision(pair_id, Outcome.DECIDED, label=label, relation=relation, cost_usd=0.5, provenance=provenance)


def rationale(relation: Relation, colour: Verdict) -> Rationale:
    brand, silent = (
        Comparison(attribute="brand", left="A", right="A", verdict=Verdict.SAME),
        AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN),
    )
    tone = Comparison(attribute="colour", left="red", right="blue", verdict=colour)
    return Rationale(
        core=AxisFinding(comparisons=(brand,), verdict=Verdict.SAME), identifier=silent,
        variant=AxisFinding(comparisons=(tone,), verdict=colour), relation=relation, factor=None, label=Label.NO_MATCH if colour is Verdict.DIFFERENT else Label.MATCH,
    )  # fmt: skip


ITEMS = [
    (pair("tp", Label.MATCH), decided("tp", Label.MATCH, n_questions=2, n_recalled=1, needs_review=True, n_decisive=3, n_decisive_asked=1)),
    (pair("fp", Label.NO_MATCH), decided("fp", Label.MATCH, n_questions=2, n_decisive=1, n_decisive_asked=1, n_idle_questions=1)),
    (pair("tn", Label.NO_MATCH), decided("tn", Label.NO_MATCH, n_vetoes=1)),
    (pair("fn", Label.MATCH), Decision.failed("fn", ErrorClass.TIMEOUT, "slow")),
    (pair("fn2", Label.MATCH), Decision("fn2", Outcome.ABSTAINED)),
    (pair("new", None), decided("new", Label.MATCH)),
]


def test_failed_and_abstained_items_count_as_no_match_against_gold_and_lower_the_coverage() -> None:
    gold = agreement(ITEMS)
    assert gold is not None
    assert (gold.n, gold.positives, gold.precision, gold.recall, gold.accuracy, gold.coverage) == (5, 3, 0.5, 1 / 3, 0.4, 0.6)
    assert gold.f1 == 0.4


def test_there_is_no_agreement_without_gold() -> None:
    assert agreement(ITEMS[-1:]) is None


def test_the_report_sums_outcomes_failures_relations_and_reuse_and_takes_calls_and_cost_from_the_ledger() -> None:
    calls, now = CallFigures(n_sent=20, n_failed=3, n_cached=4, n_unpriced=1, cost_usd=2.5), CallFigures(n_sent=2, cost_usd=0.5)
    report = summarise("run", ITEMS, [], n_new=6, calls=calls, calls_now=now)
    assert (report.n_items, report.n_decided, report.n_abstained, report.n_failed) == (6, 4, 1, 1)
    assert report.failed_by_class == {"timeout": 1}
    assert report.relations == {"exact": 3, "different": 1}
    assert (report.n_questions, report.reuse, report.n_vetoes, report.n_needs_review) == (4, 0.25, 1, 1)
    assert (report.n_calls, report.n_calls_failed, report.n_cached, report.n_unpriced, report.cost_usd) == (20, 3, 4, 1, 2.5)
    assert (report.n_calls_now, report.cost_now_usd) == (2, 0.5)


def test_the_report_says_how_much_of_what_decides_the_questions_asked_for() -> None:
    report = summarise("run", ITEMS, [], n_new=6, calls=CallFigures(), calls_now=CallFigures())
    assert (report.n_decisive, report.n_decisive_asked, report.decisive_recall) == (4, 2, 0.5)
    assert (report.n_idle_questions, report.idle_share, report.to_json()["decisive_recall"]) == (1, 0.25, 0.5)
    nothing = summarise("run", [], [], n_new=0, calls=CallFigures(), calls_now=CallFigures())
    assert (nothing.decisive_recall, nothing.idle_share, nothing.to_json()["idle_share"]) == (None, None, None)


def test_a_rationale_that_no_judge_gave_a_score_is_unscored_also_where_one_failed() -> None:
    exact, other = rationale(Relation.EXACT, Verdict.SAME), rationale(Relation.VARIANT, Verdict.DIFFERENT)
    items = [(pair(name, None), Decision.from_rationale(name, written)) for name, written in [("a", exact), ("b", exact), ("c", other)]]
    scored = Judgement("a", exact.sha(), "checks", (AxisScore(Axis.CORE, 0.0, "unsound"),))
    masked = Judgement("b", exact.sha(), "core", (AxisScore(Axis.CORE, None, unscored_reason="timeout: slow"),))
    older = Judgement("c", exact.sha(), "checks", (AxisScore(Axis.CORE, 1.0, "sound"),))
    report = summarise("run", [*items, *ITEMS], [scored, masked, older], n_new=0, calls=CallFigures(), calls_now=CallFigures())
    assert report.n_unscored == 2
    assert summarise("run", items, [], n_new=0, calls=CallFigures(), calls_now=CallFigures()).n_unscored == 3
