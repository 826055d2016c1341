"""The queue as a spreadsheet and back: hostile cells are text, answers come back as given, bad rows are named."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epm.errors import DataError
from epm.review.answer import Answer
from epm.review.cells import plain_cell, safe_cell
from epm.review.importing import import_reviews
from epm.review.sheet import write_sheet
from epm.review.task import review_tasks
from epm.store.review_queue import stored_reviews


def exported(queue, path: Path, rater: str = "ann") -> list[dict[str, str]]:
    write_sheet(path, list(review_tasks(queue.store, rater, None, show_teacher=False)))
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def filled(path: Path, rows: list[dict[str, str]], *, delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_no_cell_of_a_sheet_begins_like_a_formula(queue, tmp_path: Path) -> None:
    rows = exported(queue, tmp_path / "queue.csv")
    by_title = sorted(row["left.title"] for row in rows)
    assert by_title[0] == "'=cmd|' /C calc'!A0"
    assert not any(text.startswith(tuple("=+-@\t\r\n＝＋－＠")) for row in rows for text in (*row, *row.values()))


@given(st.text(alphabet=st.one_of(st.sampled_from("='+-@\t\r\n＝a1"), st.characters())))
def test_a_made_safe_cell_is_read_back_as_it_was(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text
    assert safe_cell(text)[:1] not in set("=+-@\t\r\n＝＋－＠")


def test_a_terminal_that_prints_a_sheet_obeys_nothing_in_it(queue, tmp_path: Path) -> None:
    exported(queue, tmp_path / "queue.csv")
    text = (tmp_path / "queue.csv").read_text(encoding="utf-8-sig")
    assert "\\x1b]0;owned\\x07Kolvra\\u202egnirts" in text
    assert all(character.isprintable() for character in text if character not in "\r\n")


def test_the_sheet_is_blind_and_asks_for_label_relation_and_note(queue, tmp_path: Path) -> None:
    queue.answer("p1", "bob", Answer.NO_MATCH)
    columns = list(exported(queue, tmp_path / "queue.csv")[0])
    assert columns[:5] == ["run", "item", "rater", "left.title", "right.title"]
    assert columns[-3:] == ["label", "relation", "note"]
    text = (tmp_path / "queue.csv").read_text(encoding="utf-8-sig")
    assert not any(word in text for word in ("GOLDMARK", "no_match", "low_confidence", "bob"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_answers_come_back_whatever_delimiter_a_spreadsheet_saved_them_with(queue, tmp_path: Path, delimiter: str) -> None:
    rows = exported(queue, tmp_path / "queue.csv")
    for row in rows:
        row.update({"label": "match", "note": "=looks; the\nsame"} if row["item"] == "'=p3\\x1b" else {"relation": "variant"})
    rows[1]["relation"] = rows[1]["label"] = ""
    rows[1]["note"] = ""
    imported = import_reviews(queue.store, filled(tmp_path / "filled.csv", rows, delimiter=delimiter), queue.rules)
    assert (imported.n_new, imported.n_known, imported.n_unanswered) == (2, 0, 1)
    again = import_reviews(queue.store, tmp_path / "filled.csv", queue.rules)
    assert (again.n_new, again.n_known, again.n_unanswered) == (0, 2, 1)
    assert {review.rater for review in queue.store.read(stored_reviews)} == {"ann"}


def test_answers_given_already_stand_in_the_sheet_and_import_again_without_a_change(queue, tmp_path: Path) -> None:
    queue.answer("=p3\x1b", "ann", Answer.UNSURE, note="-no\nidea")
    rows = exported(queue, tmp_path / "queue.csv")
    [given_row] = [row for row in rows if row["label"]]
    assert (given_row["item"], given_row["label"], given_row["note"]) == ("'=p3\\x1b", "unsure", "'-no\nidea")
    imported = import_reviews(queue.store, tmp_path / "queue.csv", queue.rules)
    assert (imported.n_new, imported.n_known, imported.n_unanswered) == (0, 1, 2)


def test_a_sheet_saved_as_xlsx_comes_back_too(queue, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    rows = exported(queue, tmp_path / "queue.csv")
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append([text or None for text in {**row, "label": "unsure"}.values()])
    book.save(tmp_path / "filled.xlsx")
    assert import_reviews(queue.store, tmp_path / "filled.xlsx", queue.rules).n_new == 3


def broken(rows: list[dict[str, str]], queue) -> list[dict[str, str]]:
    first, second, third = (dict(row) for row in rows)
    good = {**first, "label": "match"}
    changed = {**first, "rater": "bob", "item": "p1", "label": "match"}
    return [
        good, {**second, "label": "same"}, {**third, "label": "match", "relation": "different"}, {**second, "item": "p9", "label": "match"},
        {**second, "rater": " ", "label": "match"}, changed,
    ]  # fmt: skip


def test_every_bad_row_is_named_with_line_and_reason_and_nothing_is_kept(queue, tmp_path: Path) -> None:
    queue.answer("p1", "bob", Answer.UNSURE)
    rows = [row for row in exported(queue, tmp_path / "queue.csv") if "\n" not in row["left.title"]]
    rows.append(rows[0])
    path = filled(tmp_path / "filled.csv", broken(rows, queue))
    with pytest.raises(DataError) as refused:
        import_reviews(queue.store, path, queue.rules)
    told = str(refused.value)
    for line, reason in (
        (3, "label 'same' is unknown"), (4, "label 'match' contradicts relation 'different'"), (5, "names item 'p9'"),
        (6, "rater '' is no name"), (7, "answers item 'p1' with match, but 'bob' answered unsure: answers are never changed"),
    ):  # fmt: skip
        assert f"line {line} {reason}" in told
    assert told.endswith("Nothing was imported: correct the file, or add --on-bad-row skip")
    assert len(queue.store.read(stored_reviews)) == 1


def test_the_good_rows_are_kept_on_request(queue, tmp_path: Path) -> None:
    queue.answer("p1", "bob", Answer.UNSURE)
    rows = [row for row in exported(queue, tmp_path / "queue.csv") if "\n" not in row["left.title"]]
    rows.append(rows[0])
    imported = import_reviews(queue.store, filled(tmp_path / "filled.csv", broken(rows, queue)), queue.rules, skip_bad=True)
    assert (imported.n_new, [problem.partition(" has")[0][:6] for problem in imported.problems]) == (1, [f"line {n}" for n in range(3, 8)])
    assert len(queue.store.read(stored_reviews)) == 2


def test_a_table_without_our_columns_is_refused_with_what_to_do(queue, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("item,label\np1,match\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"has no column 'run': import a sheet that 'epm review export' wrote"):
        import_reviews(queue.store, path, queue.rules)
