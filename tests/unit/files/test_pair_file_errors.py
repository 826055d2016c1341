"""Every wrong input file is named with its place and what to do."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from epm.errors import ConfigError, DataError
from epm.files.pairs import BadRow, read_pairs, write_pairs

GOOD = '{"left": {"title": "a"}, "right": {"title": "b"}}'


def rows(n: int) -> list[str]:
    return [json.dumps({"pair_id": f"p{i}", "left": {"title": f"a {i}"}, "right": {"title": "b"}, "label": 0}) for i in range(n)]


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_pairs(path)
    text = str(caught.value)
    assert path.name in text, "every message names the file"
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.parquet", "p.jsonl.gz"])
def test_an_absent_file_is_named(tmp_path: Path, name: str) -> None:
    assert "No such file" in message(tmp_path / name)


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv"])
def test_an_empty_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "is empty" in message(tmp_path / name)


def test_a_header_without_rows_is_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("left_title,right_title\n")
    assert "is empty" in message(tmp_path / "p.csv")


def test_an_unknown_ending_names_the_known_ones(tmp_path: Path) -> None:
    assert ".jsonl, .jsonl.gz, .csv, .parquet" in message(tmp_path / "p.xlsx")


def test_a_missing_column_names_those_present(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,left_title,title_b\n1,a,b\n")
    assert "no column 'right_title'; present: 'id', 'left_title', 'title_b'" in message(tmp_path / "p.csv")


def test_a_json_row_without_a_side_names_the_columns_it_has(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"left": {"title": "a"}, "rite": {"title": "b"}}')
    text = message(tmp_path / "p.jsonl")
    assert "line 1" in text
    assert "has no column 'right'; present: left, rite" in text


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("left_title,right_title,left_title\na,b,c\n")
    assert "'left_title' twice" in message(tmp_path / "p.csv")


def test_broken_json_is_named_with_line_and_reason(tmp_path: Path) -> None:
    lines = rows(9)
    lines[6] = '{"left": {"title": "a"} "right": 1}'
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    text = message(tmp_path / "p.jsonl")
    assert "line 7: broken JSON (Expecting ',' delimiter at column 25)" in text
    assert "--on-bad-row skip" in text


@pytest.mark.parametrize("line", ["[1, 2]", "[" * 100_000, '{"left": ' + "9" * 5000 + "}"])
def test_json_that_is_no_row_is_a_bad_row_and_no_crash(tmp_path: Path, line: str) -> None:
    (tmp_path / "p.jsonl").write_text(f"{GOOD}\n{line}\n")
    assert "line 2" in message(tmp_path / "p.jsonl")


def test_a_label_that_is_not_allowed_shows_itself_and_the_allowed_ones(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("left_title,right_title,label\na,b,1\nc,d,maybe\n")
    text = message(tmp_path / "p.csv")
    assert "line 3: column 'label': 'maybe' is not allowed: use 0, 1, match, no_match, true, false" in text


def test_label_columns_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("left_title,right_title,label,gold_label\na,b,1,0\n")
    assert "label 'match' and gold_label 'no_match'" in message(tmp_path / "p.csv")


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [("relation", "twin", "use one of exact, other_pack"), ("factor", "1", "greater than 1"), ("factor", "six", "valid integer")],
)
def test_other_values_that_are_not_allowed_are_named_with_their_column(tmp_path: Path, column: str, value: str, part: str) -> None:
    (tmp_path / "p.csv").write_text(f"left_title,right_title,{column}\na,b,{value}\n")
    text = message(tmp_path / "p.csv")
    assert f"column '{column}'" in text
    assert value in text
    assert part in text


def test_an_empty_title_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("left_title,right_title\na,  \n")
    assert "column 'right_title' is empty" in message(tmp_path / "p.csv")


def test_nested_text_in_a_text_field_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"left": {"title": {"en": "a"}}, "right": {"title": "b"}}')
    assert "column 'left.title': must be text, got {'en': 'a'}" in message(tmp_path / "p.jsonl")


def test_half_a_surrogate_pair_is_refused_because_no_file_could_hold_it(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"left": {"title": "a \\ud83d"}, "right": {"title": "b"}}')
    assert "column 'left.title': holds half a surrogate pair" in message(tmp_path / "p.jsonl")


def test_repeated_pair_ids_name_both_lines(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("\n".join([*rows(4), rows(2)[1]]))
    text = message(tmp_path / "p.jsonl")
    assert "line 5: repeats pair_id 'p1' of line 2" in text


def test_a_repeated_pair_without_ids_names_both_lines(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(f"{GOOD}\n\n{GOOD}\n")
    assert "line 3: repeats the same two listings without a pair_id of line 1" in message(tmp_path / "p.jsonl")


@pytest.mark.parametrize("name", ["p.parquet", "p.jsonl.gz", "p.csv", "p.jsonl"])
def test_binary_junk_is_refused_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(range(255, -1, -1)) * 20)
    text = message(tmp_path / name)
    assert {"p.parquet": "no readable Parquet", "p.jsonl.gz": "no readable gzip"}.get(name, "is not UTF-8 at byte 0 (0xff)") in text


def test_a_gzip_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(rows(500)).encode())
    (tmp_path / "p.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    assert "no readable gzip file" in message(tmp_path / "p.jsonl.gz")


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    start = "left_title,right_title\nKessel,b\nWasserk"
    (tmp_path / "p.csv").write_bytes((start + "öcher,b\n").encode("latin-1"))
    text = message(tmp_path / "p.csv")
    assert f"line 3: is not UTF-8 at byte {len(start)} (0xf6)" in text


def test_a_quote_that_is_never_closed_does_not_swallow_rows_silently(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('left_title,right_title\na,b\n"c,d\ne,f\n')
    assert "line 3: broken CSV" in message(tmp_path / "p.csv")


def test_a_row_with_too_many_cells_is_named_by_the_line_it_starts_on(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('left_title,right_title\n"a\nb",c\nd,e,f\n')
    assert "line 4: has 3 cells, but the header has 2" in message(tmp_path / "p.csv")


def test_skipping_keeps_the_good_rows_and_counts_and_lists_the_bad(tmp_path: Path) -> None:
    lines = rows(5)
    lines[1] = "{"
    lines[3] = lines[0]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    file = read_pairs(tmp_path / "p.jsonl", on_bad_row="skip")

    assert [pair.id for pair in file.pairs] == ["p0", "p2", "p4"]
    assert file.n_skipped == 2
    assert [bad.line for bad in file.bad_rows] == [2, 4]
    assert "repeats pair_id 'p0' of line 1" in file.bad_rows[1].reason


def test_skipping_goes_on_after_a_broken_csv_row(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('left_title,right_title\n"a"x,b\nc,d\n')
    file = read_pairs(tmp_path / "p.csv", on_bad_row="skip")

    assert [pair.left.title for pair in file.pairs] == ["c"]
    assert file.bad_rows == (BadRow(2, file.bad_rows[0].reason),)


def test_skipping_every_row_is_an_error_and_not_an_empty_result(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("{\n[\n")
    with pytest.raises(DataError, match=r"no good row among 2; the first is bad: .* line 1: broken JSON"):
        read_pairs(tmp_path / "p.jsonl", on_bad_row="skip")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(tmp_path: Path, limit: int) -> None:
    with pytest.raises(ConfigError, match=f"limit {limit} is not allowed"):
        read_pairs(tmp_path / "p.jsonl", limit=limit)


def test_a_folder_is_no_pair_file(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").mkdir()
    assert "Is a directory" in message(tmp_path / "p.jsonl")


def test_an_unwritable_place_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "ok.jsonl").write_text(GOOD)
    pairs = read_pairs(tmp_path / "ok.jsonl").pairs
    with pytest.raises(DataError, match=r"cannot write .*out.csv.*choose a writable place"):
        write_pairs(tmp_path / "file" / "out.csv", pairs)

    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "ok.jsonl"]


def test_the_csv_cell_limit_is_lifted_for_long_pages(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"left_title,right_title\n{'x' * 200_000},b\n")
    csv.field_size_limit(131_072)

    assert len(read_pairs(tmp_path / "p.csv").pairs[0].left.title) == 200_000
