"""Two runs side by side: only pairs that are the same in both, paired figures, and where they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from epm.decision import LABEL_GIVEN, Decision, Outcome
from epm.errors import ErrorClass, StoreError
from epm.eval.run_comparison import HeldRun, RunComparison, compare_runs, short_reason
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.store.call_figures import ItemCalls
from epm.store.purged import purged_listing
from epm.store.records import RunRecord, RunSpec, RunStatus, StoredItem

MATCH, NO_MATCH = Label.MATCH, Label.NO_MATCH


def pair(number: int, gold: Label | None = MATCH, *, text: str = "kettle") -> Pair:
    return Pair(f"p{number}", Listing(f"l{number}", f"Kolvra KX-{number} {text}"), Listing(f"r{number}", f"KX{number}"), gold)


def said(of: Pair, label: Label | None, *, seconds: float = 1.0, **more: object) -> Decision:
    outcome = Outcome.ABSTAINED if label is None else Outcome.DECIDED
    return Decision(of.id, outcome, label=label, latency_s=seconds, **more)  # type: ignore[arg-type]


def held(run_id: str, told: Sequence[tuple[Pair, Decision]], calls: Mapping[str, ItemCalls] | None = None, **settings: str) -> HeldRun:
    spec = RunSpec("teach", "in", "m", "p", "rules", 0, settings)
    record = RunRecord(run_id, spec, 0, RunStatus.DONE, {}, 0.0, 1.0)
    return HeldRun(record, {one.id: StoredItem(one.id, one, decision, 1) for one, decision in told}, calls or {})


def test_only_pairs_with_the_same_id_and_the_same_text_are_compared() -> None:
    a = held("a", [(pair(i), said(pair(i), MATCH)) for i in (1, 2, 3, 4)])
    other, gone = pair(2, text="toaster"), replace(pair(3), left=purged_listing(pair(3).left))
    b = held(
        "b", [(pair(1), said(pair(1), NO_MATCH)), (other, said(other, MATCH)), (gone, said(gone, MATCH)), (pair(9), said(pair(9), MATCH))]
    )
    found = compare_runs(a, b)
    assert (found.n, found.n_only_a, found.n_only_b, found.n_other_text, found.n_purged) == (1, 1, 1, 1, 1)
    assert [one.pair_id for one in found.disagreements] == ["p1"]
    assert (found.a.n_match, found.b.n_no_match) == (1, 1)


def test_ids_and_bookkeeping_of_listings_are_no_text() -> None:
    renamed = replace(pair(1), left=replace(pair(1).left, id="other", source="shop", extras={"row": 7}))
    found = compare_runs(held("a", [(pair(1), said(pair(1), MATCH))]), held("b", [(renamed, said(renamed, MATCH))]))
    assert (found.n, found.n_other_text) == (1, 0)
    assert found.gold is not None


def test_runs_without_a_common_pair_are_refused_with_the_counts() -> None:
    a = held("a", [(pair(1), said(pair(1), MATCH)), (pair(2), said(pair(2), MATCH))])
    other = pair(1, text="toaster")
    with pytest.raises(StoreError, match=r"share no pair: 2 and 1 pairs, 1 ids in both, 0 of them purged, 1 with other listing text"):
        compare_runs(a, held("b", [(other, said(other, MATCH))]))
    with pytest.raises(StoreError, match="compared with itself"):
        compare_runs(a, a)


@pytest.fixture
def found() -> RunComparison:
    gold = [MATCH, MATCH, NO_MATCH, NO_MATCH, None, MATCH]
    pairs = [pair(i, label) for i, label in enumerate(gold)]
    by_a = [MATCH, NO_MATCH, NO_MATCH, MATCH, MATCH, None]
    by_b = [MATCH, MATCH, NO_MATCH, NO_MATCH, MATCH, None]
    failed = Decision.failed("p6", ErrorClass.TIMEOUT, "too late", latency_s=1.0)
    a = [*((one, said(one, label, seconds=2.0)) for one, label in zip(pairs, by_a, strict=True)), (pair(6), failed)]
    b = [*((one, said(one, label, seconds=1.0)) for one, label in zip(pairs, by_b, strict=True)), (pair(6, NO_MATCH), said(pair(6), MATCH))]
    calls = {f"p{i}": ItemCalls(n_sent=1, n_tokens=100, cost_usd=0.5) for i in range(7)}
    cheap = {"p0": ItemCalls(n_sent=2, n_unpriced=1, n_tokens=70, cost_usd=0.7), "p1": ItemCalls(n_cached=3)}
    return compare_runs(held("a", a, calls, identity="strict"), held("b", b, cheap, identity="family", sample="1"))


def test_each_run_has_its_own_figures_on_the_common_pairs(found: RunComparison) -> None:
    a, b = found.a, found.b
    assert (a.n_match, a.n_no_match, a.n_undecided, a.n_failed, a.coverage) == (3, 2, 1, 1, pytest.approx(5 / 7))
    assert (b.n_match, b.n_no_match, b.n_undecided, b.n_failed, b.coverage) == (4, 2, 1, 0, pytest.approx(6 / 7))
    assert (a.cost_usd, a.n_tokens, a.n_cached, a.n_unpriced) == (3.5, 700, 0, 0)
    assert (b.cost_usd, b.n_tokens, b.n_cached, b.n_unpriced) == (0.7, 70, 1, 1)
    assert found.cost_usd_per_pair.value == pytest.approx((0.7 - 3.5) / 7)
    assert found.tokens_per_pair.value == pytest.approx(-90.0)
    assert found.seconds_per_pair.value == pytest.approx((7.0 - 13.0) / 7, abs=0.2)
    assert found.coverage.value == pytest.approx(1 / 7)
    assert all(one.ci95 is not None for one in (found.coverage, found.cost_usd_per_pair, found.tokens_per_pair, found.seconds_per_pair))


def test_gold_counts_where_both_runs_hold_the_same_label(found: RunComparison) -> None:
    gold = found.gold
    assert gold is not None
    assert (found.n_gold_differs, gold.n) == (1, 5)
    assert found.a.gold is not None
    assert found.b.gold is not None
    assert (found.a.gold.f1, found.b.gold.f1) == (pytest.approx(0.4), pytest.approx(0.8))
    assert gold.f1.value == pytest.approx(0.4)
    assert gold.accuracy.value == pytest.approx(0.4)
    assert (gold.n_only_a_right, gold.n_only_b_right) == (0, 2)


def test_disagreements_are_told_with_both_answers_and_what_they_rest_on(found: RunComparison) -> None:
    assert [(one.pair_id, one.gold, one.a, one.b) for one in found.disagreements] == [
        ("p1", "match", "no_match", "match"),
        ("p3", "no_match", "match", "no_match"),
        ("p6", None, "failed (timeout)", "match"),
    ]
    assert found.disagreements[2].a_reason == "too late"
    assert found.agreement == pytest.approx(4 / 7)  # both left p5 open
    assert found.differs_in == {"identity": ("strict", "family"), "sample": ("", "1")}
    json.dumps(found.to_json(), allow_nan=False)


def test_a_run_that_was_told_the_labels_is_marked() -> None:
    told = said(pair(1), MATCH, provenance={LABEL_GIVEN: True})
    found = compare_runs(held("a", [(pair(1), told)]), held("b", [(pair(1), said(pair(1), MATCH))]))
    assert (found.a.is_label_given, found.b.is_label_given) == (True, False)


def test_a_reason_begins_with_the_comparisons_that_argue_the_label() -> None:
    same = Comparison(attribute="brand", left="Kolvra", right="Kolvra", verdict=Verdict.SAME)
    other = Comparison(attribute="colour", left="red", right=None, verdict=Verdict.UNKNOWN)
    differs = Comparison(attribute="model", left="KX-1", right="KX-2", verdict=Verdict.DIFFERENT)
    core = AxisFinding(comparisons=(same, other), verdict=Verdict.SAME)
    rest = AxisFinding(comparisons=(differs,), verdict=Verdict.DIFFERENT)
    empty = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
    rationale = Rationale(core=core, identifier=rest, variant=empty, relation=Relation.DIFFERENT, label=NO_MATCH)
    assert short_reason(Decision.from_rationale("p", rationale)) == "model different: 'KX-1' / 'KX-2'; brand same: 'Kolvra' / 'Kolvra'"
    assert short_reason(said(pair(1), MATCH, provenance={"reason": "same code"})) == "same code"
    assert (
        short_reason(said(pair(1), MATCH, provenance={"reply": {"reasoning": "both are kettles", "label": "match"}})) == "both are kettles"
    )
    assert short_reason(said(pair(1), MATCH)) == ""
