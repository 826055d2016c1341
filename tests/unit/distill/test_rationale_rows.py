from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from epm.decision import LABEL_GIVEN, Decision, Outcome
from epm.distill.dataset_card import rationale_card
from epm.distill.label_words import found_label_words
from epm.distill.rationale_columns import FailedRow, RationaleRow
from epm.distill.rationale_rows import KeptRun, OracleLabels, RationaleView, rationale_view
from epm.errors import ErrorClass
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.store.origins import Origin
from epm.store.purged import purged_listing
from epm.store.records import RunRecord, RunSpec, RunStatus, StoredItem

MakeRationale = Callable[[Relation], Rationale]
ORIGIN = Origin(1_700_000_000.0, ("m-2026",), (("teacher/ask.v1", "aa"), ("teacher/decide.v1", "bb")))


def run_of(*decided: tuple[Pair, Decision], run_id: str = "run-1", settings: Mapping[str, str] | None = None, **more: object) -> KeptRun:
    spec = RunSpec(
        "teach", "in", "multi-agent-rag", "pp", "openai/m", 3, {"matcher_version": "1+x", "identity": "strict", **(settings or {})}
    )
    record = RunRecord(run_id, spec, 0, RunStatus.DONE, {"epm": "0.1"}, 0.0, 1.0)
    items = tuple(StoredItem(pair.id, pair, decision, 1) for pair, decision in decided)
    return KeptRun(record, items, tuple(more.get("judgements", ())), {item.item_id: ORIGIN for item in items})  # type: ignore[arg-type]


def card_of(runs: list[KeptRun], view: RationaleView, license_note: str | None = None) -> str:
    found = found_label_words((item.pair, r) for run in runs for item in run.items if (r := item.decision.rationale) is not None)
    return rationale_card([run.record for run in runs], view, found, license_note)


def test_gold_teacher_and_oracle_label_are_three_columns(pair: Pair, rationale_of: MakeRationale) -> None:
    decided = Decision.from_rationale(pair.id, rationale_of(Relation.VARIANT))
    oracle = run_of((pair, Decision.from_rationale(pair.id, rationale_of(Relation.UNDECIDABLE))), run_id="oracle")
    unlabelled = replace(pair, id="p2", gold_label=None)
    run = run_of((pair, decided), (unlabelled, Decision.from_rationale("p2", rationale_of(Relation.EXACT))))
    rows = rationale_view([run], OracleLabels.of("oracle", oracle.items)).rows
    assert [(row.gold_label, row.teacher_label, row.oracle_label) for row in rows] == [
        (Label.MATCH, Label.NO_MATCH, None),
        (None, Label.MATCH, None),
    ]
    oracle = run_of((pair, Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))), run_id="oracle")
    (row, _) = rationale_view([run], OracleLabels.of("oracle", oracle.items)).rows
    assert (row.gold_label, row.teacher_label, row.oracle_label, row.oracle_run_id) == (Label.MATCH, Label.NO_MATCH, Label.MATCH, "oracle")


def test_what_people_say_is_a_column_of_its_own_of_failed_items_too(pair: Pair, rationale_of: MakeRationale) -> None:
    said = {"human_label": "match", "human_votes": {"match": 2, "unsure": 1}}
    asked = replace(pair, id="p2", gold_label=None)
    view = rationale_view(
        [
            run_of(
                (asked, Decision.from_rationale("p2", rationale_of(Relation.VARIANT), provenance=said)),
                (pair, replace(Decision.failed(pair.id, ErrorClass.TIMEOUT, "too late"), provenance=said)),
            )
        ],
        None,
        None,
    )
    (row,) = view.rows
    assert (row.gold_label, row.teacher_label, row.human_label) == (None, Label.NO_MATCH, Label.MATCH)
    (failed,) = view.failed
    assert (failed.human_label, json.loads(failed.human_votes or "")) == (Label.MATCH, {"match": 2, "unsure": 1})


def test_the_oracle_speaks_of_the_same_texts_only(pair: Pair, rationale_of: MakeRationale) -> None:
    decided = Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))
    reworded = replace(pair, left=replace(pair.left, title="another text under the same id"))
    labels = OracleLabels.of("oracle", run_of((reworded, decided)).items)
    assert rationale_view([run_of((pair, decided))], labels).rows[0].oracle_label is None


def test_every_item_is_in_one_of_the_two_tables_and_those_without_a_rationale_say_why(pair: Pair, rationale_of: MakeRationale) -> None:
    def named(name: str) -> Pair:
        return replace(pair, id=name)

    good = Decision.from_rationale("good", rationale_of(Relation.EXACT))
    late = Decision.failed("late", ErrorClass.TIMEOUT, "too late", cost_usd=0.25)
    vetoed = Decision("vetoed", Outcome.ABSTAINED, error="the second reader vetoed it")
    bare = Decision("bare", Outcome.DECIDED, label=Label.MATCH)
    gone = replace(named("gone"), left=purged_listing(pair.left))
    run = run_of(
        (named("good"), good),
        (named("late"), late),
        (named("vetoed"), vetoed),
        (named("bare"), bare),
        (gone, replace(good, pair_id="gone")),
    )
    view = rationale_view([run])
    assert [row.pair_id for row in view.rows] == ["good"]
    assert [(row.pair_id, row.outcome.value, row.failure_class, row.message, row.cost_usd) for row in view.failed] == [
        ("late", "failed", "timeout", "too late", 0.25),
        ("vetoed", "abstained", "vetoed", "the second reader vetoed it", 0.0),
        ("bare", "decided", "no_rationale", None, 0.0),
        ("gone", "decided", "purged", None, 0.0),
    ]
    assert "1 rationales in `rationales.parquet`, 4 items without one in `failed.parquet`" in card_of([run], view)
    assert "no_rationale 1, purged 1, timeout 1, vetoed 1" in card_of([run], view)


def test_a_rationale_of_a_told_writer_is_marked_in_its_row_and_in_the_card(pair: Pair, rationale_of: MakeRationale) -> None:
    told = replace(Decision.from_rationale(pair.id, rationale_of(Relation.EXACT)), provenance={LABEL_GIVEN: True})
    failed = Decision.failed("p2", ErrorClass.TIMEOUT, "late")
    run = run_of((pair, told), (replace(pair, id="p2"), failed), settings={LABEL_GIVEN: "yes"})
    view = rationale_view([run])
    assert [row.label_given_in_prompt for row in (*view.rows, *view.failed)] == [True, True]
    assert "**Label-conditioned.** 1 of 1 rationales" in card_of([run], view)
    assert "Gold and teacher agree on 1 of 1 label-conditioned rationales" in card_of([run], view)
    blind = run_of((pair, replace(told, provenance={})))
    assert rationale_view([blind]).rows[0].label_given_in_prompt is False
    assert "**Blind.**" in card_of([blind], rationale_view([blind]))


def test_label_words_flag_their_row_alone(pair: Pair, rationale_of: MakeRationale) -> None:
    cell = Comparison(attribute="according to the label", left=None, right=None, verdict=Verdict.UNKNOWN)
    leaking = rationale_of(Relation.EXACT).model_copy(update={"variant": AxisFinding(comparisons=(cell,), verdict=Verdict.UNKNOWN)})
    run = run_of(
        (pair, Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))),
        (replace(pair, id="p2"), Decision.from_rationale("p2", leaking)),
    )
    view = rationale_view([run])
    assert [(row.pair_id, bool(row.label_words)) for row in view.rows] == [("p1", False), ("p2", True)]
    assert "1 of 2 rationales" in card_of([run], view)
    assert "'p2'" in card_of([run], view)


def test_a_row_says_where_it_comes_from(pair: Pair, rationale_of: MakeRationale) -> None:
    made = {"engine": "e1", "confidence": "low", "review_reasons": ["low_confidence"]}
    decided = replace(Decision.from_rationale(pair.id, rationale_of(Relation.EXACT), cost_usd=0.5, latency_s=2.0), provenance=made)
    run = run_of((replace(pair, split="train"), decided))
    (row,) = rationale_view([run], license_note="CC BY 4.0").rows
    expected: dict[str, object] = {
        "run_id": "run-1", "matcher": "multi-agent-rag", "matcher_version": "1+x", "model_asked": "openai/m", "models_answered": ("m-2026",),
        "prompt_ids": ("teacher/ask.v1", "teacher/decide.v1"), "prompt_shas": ("aa", "bb"), "prompts_sha": "pp", "evidence_version": "e1",
        "identity_rule": "strict", "cost_usd": 0.5, "latency_s": 2.0, "license_note": "CC BY 4.0", "created_at": "2023-11-14T22:13:20+00:00",
        "split": "train", "confidence": "low", "review_reasons": ("low_confidence",), "schema_version": 2,
    }  # fmt: skip
    assert {name: getattr(row, name) for name in expected} == expected
    card = card_of([run], rationale_view([run]), "CC BY 4.0")
    assert all(text in card for text in ("`CC BY 4.0`", "teacher/decide.v1 bb", "`e1`", "`$0.5000`", "`openai/m`", "`m-2026`"))


def test_scores_are_means_and_an_unscored_axis_is_null(pair: Pair, rationale_of: MakeRationale) -> None:
    rationale = rationale_of(Relation.EXACT)
    judged = [
        Judgement(pair.id, rationale.sha(), "b", (AxisScore(Axis.CORE, 1.0), AxisScore.unscored(Axis.VARIANT, "no model"))),
        Judgement(pair.id, rationale.sha(), "a", (AxisScore(Axis.CORE, 0.5),)),
        Judgement(pair.id, rationale_of(Relation.VARIANT).sha(), "a", (AxisScore(Axis.CORE, 0.0),)),
    ]
    decided = Decision.from_rationale(pair.id, rationale)
    (row,) = rationale_view([run_of((pair, decided), judgements=judged)]).rows
    assert (row.score_core, row.score_identifier, row.score_variant) == (0.75, None, None)
    assert [(score["judge"], score["axis"], score["score"]) for score in json.loads(row.judgements)] == [
        ("a", "core", 0.5), ("b", "core", 1.0), ("b", "variant", None)
    ]  # fmt: skip
    assert (row,) == rationale_view([run_of((pair, decided), judgements=judged[::-1])]).rows


def test_no_column_holds_the_product_key_and_broken_text_is_held(pair: Pair, rationale_of: MakeRationale) -> None:
    broken = replace(pair, left=Listing("l1", "Kolvra \ud83d kettle", cluster_id="CLUSTER"))
    (row,) = rationale_view([run_of((broken, Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))))]).rows
    assert "CLUSTER" not in row.model_dump_json()
    assert row.left_title == "Kolvra \\ud83d kettle"


@pytest.mark.parametrize("model", [RationaleRow, FailedRow])
def test_every_column_is_described_in_the_card(model: type[RationaleRow | FailedRow], pair: Pair, rationale_of: MakeRationale) -> None:
    run = run_of((pair, Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))))
    lines = card_of([run], rationale_view([run])).splitlines()
    for name in model.model_fields:
        described = [line for line in lines if line.startswith(f"| `{name}` | ")]
        assert described, name
        assert all(len(line.split("|")[2].strip()) > 10 for line in described), name


def test_what_others_worded_cannot_become_structure_of_the_card(pair: Pair, rationale_of: MakeRationale) -> None:
    hostile = "x` | y\n# Blind\n---\n<!-- "
    run = run_of(
        (replace(pair, split=hostile), Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))), settings={"identity": hostile}
    )
    card = card_of([run], rationale_view([run]), hostile)
    assert card.splitlines().count("---") == 2  # the head's
    assert not any(line.startswith("# Blind") for line in card.splitlines())
    assert all(line.count("|") == 6 for line in card.splitlines() if line.startswith("| `x "))


def test_a_row_says_what_the_teacher_had_in_view_and_which_drafts_were_sent_back(pair: Pair, rationale_of: MakeRationale) -> None:
    veto = {"by": "checks", "problems": ["core: the model is misread"]}
    seen: dict[str, object] = {
        "readings": {"left": {"colour": ["black"]}, "right": {}},
        "questions": [{"attribute": "colour", "entity": "kolvra kx-120", "side": "right", "question": "Which colours are sold?"}],
        "answers": [{"attribute": "colour", "answer": "Black only.", "source": "researched", "citations": ["listing-1"]}],
        "citations": ["listing-1"],
        "rivals_shown": [{"id": "listing-1", "title": "Kolvra KX-130"}],
        "vetoes": [veto],
    }
    mended = replace(Decision.from_rationale(pair.id, rationale_of(Relation.EXACT)), provenance=seen)
    refused = replace(
        Decision.failed("p2", ErrorClass.VETOED, "vetoed by checks"), provenance={**seen, "vetoed_rationale": {"label": "match"}}
    )
    view = rationale_view([run_of((pair, mended), (replace(pair, id="p2"), refused))])
    (row,), (failed,) = view.rows, view.failed
    columns = (row.readings, row.questions, row.answers, row.rivals, row.problems)
    assert [json.loads(column) for column in columns] == [
        seen[name] for name in ("readings", "questions", "answers", "rivals_shown", "vetoes")
    ]
    assert row.citations == ("listing-1",)
    assert (failed.failure_class, json.loads(failed.problems), json.loads(failed.vetoed_rationale or "")) == (
        "vetoed",
        [veto],
        {"label": "match"},
    )


def test_a_run_that_kept_no_trace_has_empty_columns(pair: Pair, rationale_of: MakeRationale) -> None:
    (row,) = rationale_view([run_of((pair, Decision.from_rationale(pair.id, rationale_of(Relation.EXACT))))]).rows
    assert (row.readings, row.questions, row.answers, row.citations, row.rivals, row.problems) == ("{}", "[]", "[]", (), "[]", "[]")
