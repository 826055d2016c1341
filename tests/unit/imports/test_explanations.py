"""Recorded explanations become rationales: axes, verdicts, verbatim quotes, relations, and what was lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from epm.decision import Outcome
from epm.errors import DataError, ErrorClass
from epm.imports.attribute_axis import axis_of
from epm.imports.explanations import ExplanationRow, ImportedExplanation, import_explanations, imported
from epm.imports.import_run import store_import, write_rationales
from epm.imports.quotes import anchor
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Verdict
from epm.relation import Label, Relation
from epm.store.store import RunStore

LINE = "attribute={}|||importance=0.5|||values={}|||similarity={}"


@pytest.fixture
def pair() -> Pair:
    left = Listing("l", "Kolvra KX-120 Kettle, black 1.7 l", brand="KOLVRA", attributes={"mpn": "KX120B"})
    return Pair("p", left, Listing("r", "KX 120 kettle by Kolvra (WHITE)"), Label.NO_MATCH)


def told(pair: Pair, answer: str, *lines: tuple[str, str, str], label: int | None = 0, is_given: bool = True) -> ImportedExplanation:
    text = "\n".join([answer, *(LINE.format(*line) for line in lines)])
    row = ExplanationRow(pair_id="p", model="m-1", prompt_name="x", label_given_in_prompt=is_given, answer_text=text, label=label)
    return imported(row, pair)


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("brand", Axis.CORE), ("Product Line", Axis.CORE), ("type", Axis.CORE), ("edition", Axis.CORE), ("wireless standard", Axis.CORE),
        ("model number", Axis.IDENTIFIER), ("MPN", Axis.IDENTIFIER), ("part_number", Axis.IDENTIFIER), ("SKU", Axis.IDENTIFIER),
        ("reference number", Axis.IDENTIFIER), ("color", Axis.VARIANT), ("storage capacity", Axis.VARIANT), ("pack size", Axis.VARIANT),
        ("condition", Axis.VARIANT), ("cache size", Axis.VARIANT), ("resize support", Axis.CORE),
    ],
)  # fmt: skip
def test_attribute_names_belong_to_axes(name: str, axis: Axis) -> None:
    assert axis_of(name) is axis


@pytest.mark.parametrize(
    ("quote", "span"),
    [
        ("KX-120", "KX-120"), ("kx120", "KX-120"), ("kolvra", "KOLVRA"), ("1.7L", "1.7 l"), ("KETTLE BLACK", "Kettle, black"),
        ("KX120B", "KX120B"), ("x-120", "X-120"), ("purple", None), ("--", None), ("Kolvra KX120B", None),
    ],
)  # fmt: skip
def test_a_quote_is_kept_or_anchored_to_the_verbatim_span_of_one_field(pair: Pair, quote: str, span: str | None) -> None:
    found = anchor(quote, pair.left)
    assert found is None or any(found in text for text in pair.left.texts().values())
    assert (found or "").casefold() == (span or "").casefold()


def test_a_span_between_whole_words_wins_over_one_inside_a_word() -> None:
    assert anchor("TOP", Listing("l", "Laptop stand, Top quality")) == "Top"


def test_similarity_becomes_a_verdict_and_a_missing_side_is_unknown(pair: Pair) -> None:
    item = told(
        pair, "No.", ("brand", "Kolvra###Kolvra", "0.8"), ("type", "Kettle###kettle", "0.79"), ("model", "KX-120###KX 120", "0.21"),
        ("color", "black###WHITE", "0.2"), ("capacity", "1.7 l###missing", "0.0"), ("mpn", "KX120B###KX 120", "x"),
    )  # fmt: skip
    rationale = item.decision.rationale
    assert rationale is not None
    assert [c.verdict for c in rationale.core.comparisons] == [Verdict.SAME, Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert [c.verdict for c in rationale.variant.comparisons] == [Verdict.DIFFERENT, Verdict.UNKNOWN]
    assert (rationale.variant.comparisons[1].right, rationale.identifier.verdict) == (None, Verdict.UNKNOWN)
    assert (rationale.core.verdict, rationale.variant.verdict, rationale.relation) == (Verdict.SAME, Verdict.DIFFERENT, Relation.VARIANT)


def test_the_relation_follows_from_label_and_axes(pair: Pair) -> None:
    assert told(pair, "Yes.", ("color", "black###WHITE", "0.0"), label=1).decision.relation is Relation.EXACT
    assert told(pair, "No.", ("color", "black###WHITE", "0.0")).decision.relation is Relation.DIFFERENT
    assert told(pair, "No.", ("brand", "Kolvra###Kolvra", "1.0")).decision.relation is Relation.DIFFERENT


def test_a_cell_whose_quote_stands_nowhere_is_dropped_and_counted(pair: Pair) -> None:
    item = told(pair, "No.", ("brand", "Kolvra###Zelmo", "0.0"), ("color", "missing###missing", "0.0"), ("type", "Toaster", "0.0"))
    assert [(cell.attribute, cell.reason) for cell in item.dropped] == [
        ("brand", "quote not in the listing"), ("color", "both sides missing"), ("type", "lone value in neither listing"),
    ]  # fmt: skip
    assert item.decision.rationale is not None
    assert item.decision.rationale.core.comparisons == ()
    assert (item.quotes.n, item.quotes.n_exact, item.quotes.n_anchored) == (2, 1, 1)


def test_a_lone_value_is_quoted_where_it_stands_and_compared_with_nothing(pair: Pair) -> None:
    item = told(pair, "No.", ("color", "white", "1.0"), ("type", "kettle", "1.0"))
    assert item.decision.rationale is not None
    colour, kind = item.decision.rationale.variant.comparisons[0], item.decision.rationale.core.comparisons[0]
    assert (colour.left, colour.right, colour.verdict) == (None, "WHITE", Verdict.UNKNOWN)
    assert (kind.left, kind.right, kind.verdict) == ("Kettle", "kettle", Verdict.UNKNOWN)


def test_the_teachers_label_is_the_answers_and_gold_stays_apart(pair: Pair) -> None:
    item = told(pair, "Yes.", label=0)
    assert (item.decision.label, item.pair.gold_label, item.contradicts_given_label) == (Label.MATCH, Label.NO_MATCH, True)
    assert item.decision.provenance["label_given_in_prompt"] is True
    assert (item.to_json()["teacher_label"], item.to_json()["gold_label"]) == ("match", "no_match")
    assert not told(pair, "Yes.", label=0, is_given=False).contradicts_given_label


def test_an_answer_without_yes_or_no_is_a_failed_record(pair: Pair) -> None:
    decision = told(pair, "The two differ.", ("brand", "Kolvra###Kolvra", "1.0")).decision
    assert (decision.outcome, decision.error_class, decision.label) == (Outcome.FAILED, ErrorClass.INVALID_STRUCTURE, None)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    row = {"pair_id": "p", "model": "m-1", "prompt_name": "x", "label_given_in_prompt": True, "label": 0, "parsed_label": 1}
    rows = [
        {**row, "answer_text": "No.\n" + LINE.format("brand", "Kolvra###Kolvra", "1.0")}, {**row, "answer_text": "Yes."},
        {**row, "pair_id": "q", "answer_text": "Maybe"}, {**row, "pair_id": "stranger", "answer_text": "No."}, {"pair_id": "p"},
    ]  # fmt: skip
    path = tmp_path / "explanations.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n{broken\n", encoding="utf-8")
    return path


def test_rows_that_are_not_imported_are_listed_with_line_and_reason(recorded: Path, pair: Pair) -> None:
    found = import_explanations(recorded, [pair, replace(pair, id="q")])
    assert [(item.pair.id, item.decision.label) for item in found.items] == [("p", Label.NO_MATCH), ("q", None)]
    reasons = {skipped.line: skipped.reason for skipped in found.skipped}
    assert set(reasons) == {2, 4, 5, 6}
    assert (reasons[2], reasons[4]) == ("pair 'p' has an explanation already", "pair 'stranger' is not among the pairs")
    assert "Field required" in reasons[5]
    assert "broken JSON" in reasons[6]
    assert (found.figures()["n_without_label"], found.figures()["n_contradicting_given_label"]) == (1, 0)


def test_a_file_without_any_known_pair_is_a_user_error(recorded: Path, pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no explanation of the 1 pairs; line 1: pair 'p' is not among"):
        import_explanations(recorded, [replace(pair, id="other")])
    with pytest.raises(DataError, match="cannot read explanations"):
        import_explanations(tmp_path / "absent.jsonl", [pair])


def test_an_import_is_a_run_in_the_store_and_repeating_it_adds_nothing(recorded: Path, pair: Pair, tmp_path: Path) -> None:
    found = import_explanations(recorded, [pair, replace(pair, id="q")])
    with RunStore.open(tmp_path / "store.db") as store:
        run_id = store_import(store, found, input_sha="abc")
        first = list(store.items(run_id))
        assert store_import(store, found, input_sha="abc") == run_id
        assert list(store.items(run_id)) == first
        assert [(item.item_id, item.decision.outcome, item.attempt) for item in first] == [
            ("p", Outcome.DECIDED, 1),
            ("q", Outcome.FAILED, 1),
        ]
        assert first[0].decision.rationale == found.items[0].decision.rationale
        assert (store.run(run_id).spec.model, store.run(run_id).spec.settings["label_given_in_prompt"]) == ("m-1", "yes")


def test_rationales_are_written_one_row_for_each_answer(recorded: Path, pair: Pair, tmp_path: Path) -> None:
    write_rationales(tmp_path / "out.jsonl", import_explanations(recorded, [pair, replace(pair, id="q")]))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["pair_id"] for row in rows] == ["p", "q"]
    assert rows[0]["rationale"]["core"]["comparisons"][0]["left"] == "Kolvra"
    assert rows[1]["rationale"] is None
    assert "neither yes nor no" in rows[1]["error"]
