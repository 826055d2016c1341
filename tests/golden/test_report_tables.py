"""The tables that people read, as they stand in ``tables/``. ``EPM_UPDATE_GOLDEN=1`` rewrites them; review the diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.eval.audit import compare_decisions
from epm.eval.bench import BenchRow
from epm.eval.report import render_report
from epm.eval.results import BenchTable, Curve, DemoResults, Link, Probe, RunCard, example_of
from epm.eval.tables import agreement_lines, audit_text_table, bench_text_table, disagreement_text_table
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation

GOLDEN = Path(__file__).parent / "tables"
ROWS = (
    BenchRow("tfidf", 1916, 206, 0.5, 0.8041, 0.6166, 0.9, (0.55, 0.681), 0.601, 0.0, 1.0, 0, 0.4172, 0.0, 23456.7),
    BenchRow("multi-agent-rag[rules]", 1916, 206, 0.9, 0.7, 0.7875, 0.96, (0.7, 0.86), None, None, 0.93, 4, "as-is", 1.25, 5.5),
    BenchRow("nothing", 10, 0, None, None, None, 1.0, (None, None), None, None, 0.0, 10, "as-is", 0.0, None),
)

ASKED = (
    ROWS[0],
    BenchRow(
        "zero-shot[openai/m]", 1916, 206, 0.9, 0.7, 0.7875, 0.96, (0.7, 0.86), None, None, 1.0, 0, "as-is", 0.42, 5.5, 1.234, 812345, 19160,
        0, 4,
    ),
    BenchRow(
        "reasoning:high[openai/m]", 1916, 206, 0.9, 0.7, 0.7875, 0.96, (0.7, 0.86), None, None, 1.0, 0, "as-is", 9.5, 0.5, 12.3, 812345,
        1916000, 1896840, 0,
    ),
)  # fmt: skip


def is_golden(name: str, text: str) -> bool:
    path = GOLDEN / name
    if os.environ.get("EPM_UPDATE_GOLDEN"):
        path.write_text(text + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8") == text + "\n"


@pytest.fixture
def pair() -> Pair:
    left = Listing("l1", "Kolvra KX-120 kettle black", brand="Kolvra", mpn="KX-120")
    return Pair("p1", left, Listing("r1", "KOLVRA kettle KX120, white"), Label.NO_MATCH)


@pytest.fixture
def decision(pair: Pair) -> Decision:
    brand = Comparison(attribute="brand", left="Kolvra", right="KOLVRA", verdict=Verdict.SAME)
    mpn = Comparison(attribute="mpn", left="KX-120", right=None, verdict=Verdict.UNKNOWN)
    colour = Comparison(attribute="colour", left="black", right="white", verdict=Verdict.DIFFERENT)
    rationale = Rationale(
        core=AxisFinding(comparisons=(brand,), verdict=Verdict.SAME),
        identifier=AxisFinding(comparisons=(mpn,), verdict=Verdict.UNKNOWN),
        variant=AxisFinding(comparisons=(colour,), verdict=Verdict.DIFFERENT),
        relation=Relation.VARIANT,
        label=Label.NO_MATCH,
    )
    return Decision.from_rationale(pair.id, rationale, probability=0.12)


def test_the_bench_table_reads_as_agreed() -> None:
    assert is_golden("bench.txt", bench_text_table(ROWS).plain())


def test_the_bench_table_of_matchers_that_asked_a_model_reads_as_agreed() -> None:
    assert is_golden("bench_models.txt", bench_text_table(ASKED).plain())


def test_the_audit_tables_read_as_agreed(pair: Pair, decision: Decision) -> None:
    other = Pair("p2", pair.left, pair.right, Label.MATCH)
    oracle = [Decision("p1", Outcome.DECIDED, label=Label.MATCH), Decision("p2", Outcome.DECIDED, label=Label.MATCH)]
    report = compare_decisions(
        [pair, other], ("student", [decision, Decision.failed("p2", ErrorClass.TIMEOUT, "no answer")]), ("oracle", oracle)
    )
    tables = [audit_text_table(report).plain(), *agreement_lines(report), disagreement_text_table(report).plain()]
    assert is_golden("audit.txt", "\n".join(tables))


def test_the_report_page_reads_as_agreed(pair: Pair, decision: Decision) -> None:
    results = DemoResults(
        title="The road on generated listings", created_at="2026-01-01T00:00:00+00:00", epm_version="0.1.0", lead="Offline, no key.",
        headline=BenchTable(title="Held-out products", pairs="300 generated pairs.", split_kind="disjoint products", n_unlabelled=2, rows=ROWS),
        links=(Link(link="teacher", figure="F1", against="gold", value=0.812, ci95=(0.76, 0.86), n=300, note="rules transport"),),
        curves=(Curve(matcher="tfidf", auprc=0.601, points=((0.2, 1.0), (0.6, 0.7), (1.0, 0.3))),),
        probes=(Probe(name="mean R", n=200, before=0.58, after=0.64, difference=0.06, ci95=(-0.01, 0.1)),),
        examples=(example_of(pair, {"evidence-rules": decision}, caption="A variant"),), failures={"multi-agent-rag[rules]": {"timeout": 4}},
        run_cards=(RunCard(stage="SFT", seconds=151.2, details={"seed": "0"}),), not_run=("Students from a model hub",),
    )  # fmt: skip
    assert is_golden("report.html", render_report(results))
