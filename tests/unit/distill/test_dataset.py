import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from epm.decision import LABEL_GIVEN, Decision
from epm.distill.dataset import SftRow, ViewOptions, axis_scores, sft_view
from epm.distill.dataset_files import read_sft_rows, write_rows
from epm.errors import ConfigError, DataError, ErrorClass
from epm.judgement import AxisScore, Judgement
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.student_prompt import Mode, render_prompt
from epm.student_text import parse, render, render_label

MakeRationale = Callable[[Relation], Rationale]


@dataclass(frozen=True)
class Item:
    pair: Pair
    decision: Decision


def item(pair: Pair, rationale: Rationale, pair_id: str = "p1") -> Item:
    return Item(replace(pair, id=pair_id), Decision.from_rationale(pair_id, rationale, probability=0.9))


def judgement(rationale: Rationale, core: float | None, pair_id: str = "p1", judge: str = "checks") -> Judgement:
    score = AxisScore.unscored(Axis.CORE, "silent") if core is None else AxisScore(Axis.CORE, core)
    return Judgement(pair_id, rationale.sha(), judge, (score,))


def test_a_rationale_becomes_rows_for_both_orders_with_the_sides_of_its_quotes_swapped(pair: Pair, rationale_of: MakeRationale) -> None:
    view = sft_view([item(pair, rationale_of(Relation.EXACT))], [], ViewOptions(label_share=0.0))
    assert [row.prompt for row in view.rows] == [render_prompt(pair), render_prompt(pair.swapped())]
    assert parse(view.rows[1].completion) == rationale_of(Relation.EXACT).swapped()


def test_gold_and_teacher_label_are_two_columns(pair: Pair, rationale_of: MakeRationale) -> None:
    view = sft_view([item(pair, rationale_of(Relation.VARIANT))], [], ViewOptions())
    assert {(row.gold_label, row.teacher_label, row.relation) for row in view.rows} == {(Label.MATCH, Label.NO_MATCH, Relation.VARIANT)}


def test_no_prompt_holds_the_answer_or_the_product_key(pair: Pair, rationale_of: MakeRationale) -> None:
    for row in sft_view([item(pair, rationale_of(Relation.EXACT))], [], ViewOptions()).rows:
        assert not any(secret in row.prompt for secret in ("c1", "c2", "match", "exact"))


def test_the_label_share_is_a_share_of_all_rows(pair: Pair, rationale_of: MakeRationale) -> None:
    items = [item(pair, rationale_of(Relation.EXACT), f"p{i}") for i in range(400)]
    rows = sft_view(items, [], ViewOptions(label_share=0.3)).rows
    labels = [row for row in rows if row.mode is Mode.LABEL]
    assert 0.25 < len(labels) / len(rows) < 0.35
    assert {row.completion for row in labels} == {render_label(Label.MATCH)}


def test_an_undecidable_rationale_has_no_label_row(pair: Pair, rationale_of: MakeRationale) -> None:
    view = sft_view([item(pair, rationale_of(Relation.UNDECIDABLE))], [], ViewOptions(label_share=0.9))
    assert {row.mode for row in view.rows} == {Mode.RATIONALE}


def test_a_rationale_that_contradicts_gold_is_dropped_on_request_and_counted(pair: Pair, rationale_of: MakeRationale) -> None:
    items = [item(pair, rationale_of(Relation.EXACT), "a"), item(pair, rationale_of(Relation.VARIANT), "b")]
    view = sft_view(items, [], ViewOptions(gold_agrees=True))
    assert {row.pair_id for row in view.rows} == {"a"}
    assert view.dropped == {"label contradicts gold": 1}
    without_gold = sft_view([item(replace(pair, gold_label=None), rationale_of(Relation.VARIANT))], [], ViewOptions(gold_agrees=True))
    assert without_gold.n_kept == 1


def test_an_unscored_rationale_is_masked_and_counted_apart_from_a_low_score(pair: Pair, rationale_of: MakeRationale) -> None:
    rationale = rationale_of(Relation.EXACT)
    items = [item(pair, rationale, name) for name in ("good", "low", "silent", "unjudged")]
    judged = [judgement(rationale, 0.9, "good"), judgement(rationale, 0.1, "low"), judgement(rationale, None, "silent")]
    view = sft_view(items, judged, ViewOptions(min_scores={Axis.CORE: 0.5}))
    assert {row.pair_id for row in view.rows} == {"good"}
    assert view.dropped == {"core score below 0.5": 1, "unscored on core": 2}


def test_a_judgement_of_another_rationale_of_the_pair_does_not_count(pair: Pair, rationale_of: MakeRationale) -> None:
    judged = [judgement(rationale_of(Relation.VARIANT), 0.9)]
    view = sft_view([item(pair, rationale_of(Relation.EXACT))], judged, ViewOptions(min_scores={Axis.CORE: 0.5}))
    assert view.dropped == {"unscored on core": 1}


def test_an_axis_score_is_the_mean_of_the_judges_that_scored_it(rationale_of: MakeRationale) -> None:
    rationale = rationale_of(Relation.EXACT)
    judged = [judgement(rationale, 0.2), judgement(rationale, 0.8, judge="other"), judgement(rationale, None, judge="third")]
    assert axis_scores(judged) == {("p1", rationale.sha()): {Axis.CORE: 0.5}}


def test_a_failed_item_is_counted_with_its_outcome(pair: Pair) -> None:
    failed = Item(pair, Decision.failed(pair.id, ErrorClass.TIMEOUT, "late"))
    assert sft_view([failed], [], ViewOptions()).dropped == {"no rationale (failed)": 1}


def test_a_row_says_that_its_writer_had_been_told_the_label(pair: Pair, rationale_of: MakeRationale) -> None:
    blind = item(pair, rationale_of(Relation.EXACT), "blind")
    told = item(pair, rationale_of(Relation.EXACT), "told")
    told = replace(told, decision=replace(told.decision, provenance={LABEL_GIVEN: True}))
    rows = sft_view([blind, told], [], ViewOptions(label_share=0.9)).rows
    assert {(row.pair_id, row.mode, row.label_given_in_prompt) for row in rows} == {
        (name, mode, name == "told") for name in ("blind", "told") for mode in Mode
    }


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_rows_are_read_back_as_they_were_written(name: str, tmp_path: Path, pair: Pair, rationale_of: MakeRationale) -> None:
    hostile = AxisFinding(
        comparisons=(Comparison(attribute="brand", left="line\u2028break & <b>|~\x85", right=None, verdict=Verdict.UNKNOWN),),
        verdict=Verdict.UNKNOWN,
    )
    rationale = rationale_of(Relation.OTHER_PACK).model_copy(update={"core": hostile})
    rows = sft_view([item(pair, rationale)], [], ViewOptions()).rows
    write_rows(tmp_path / name, rows)
    assert tuple(read_sft_rows(tmp_path / name)) == rows


def test_both_file_formats_have_the_same_sha(tmp_path: Path, pair: Pair, rationale_of: MakeRationale) -> None:
    rows = sft_view([item(pair, rationale_of(Relation.EXACT))], [], ViewOptions()).rows
    assert write_rows(tmp_path / "a.jsonl", rows) == write_rows(tmp_path / "a.parquet", rows)


def test_a_wrong_row_is_named_with_its_line_and_column(tmp_path: Path, pair: Pair, rationale_of: MakeRationale) -> None:
    row = SftRow(
        pair_id="p", prompt="a", completion=render(rationale_of(Relation.EXACT)), mode=Mode.RATIONALE, gold_label=None,
        teacher_label=Label.MATCH, relation=Relation.EXACT,
    )  # fmt: skip
    broken = row.model_dump(mode="json") | {"relation": "cousin"}
    (tmp_path / "rows.jsonl").write_text(f"{row.model_dump_json()}\n{json.dumps(broken)}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2: relation"):
        read_sft_rows(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\n\n"])
def test_a_file_without_rows_is_a_data_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=r"epm export"):
        read_sft_rows(tmp_path / "rows.jsonl")


def test_binary_junk_named_parquet_and_an_absent_file_are_data_errors(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"junk")
    for name in ("rows.parquet", "absent.jsonl"):
        with pytest.raises(DataError, match=r"cannot read SFT rows"):
            read_sft_rows(tmp_path / name)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.jsonl"):
        write_rows(tmp_path / "rows.txt", [])


@pytest.mark.parametrize("options", [{"label_share": 1.0}, {"label_share": -0.1}, {"min_scores": {Axis.CORE: 1.5}}])
def test_options_outside_their_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"outside"):
        ViewOptions(**options)  # type: ignore[arg-type]
