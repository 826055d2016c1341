"""Tables of listings read through the readers of pair files: the same rows whatever the format."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from epm.blocking.listing_table import read_listings, read_matches
from epm.errors import DataError
from epm.listing import Listing

LONG = "x" * 200_000


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_page_of_text_in_one_cell_is_read_whole(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"listings{ending}"
    if ending == ".parquet":
        parquet.write_table(pa.Table.from_pylist([{"id": "a", "title": "t", "description": LONG}]), path)
    else:
        row = f'{{"id": "a", "title": "t", "description": "{LONG}"}}' if ending == ".jsonl" else f"id,title,description\na,t,{LONG}"
        path.write_text(row + "\n", encoding="utf-8")

    (listing,) = read_listings(path)

    assert listing.description == LONG


def test_a_doubled_column_is_refused_where_the_last_one_would_win(tmp_path: Path) -> None:
    parquet.write_table(pa.table([["x"], ["y"]], names=["title", "title"]), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("title,title\nx,y\n", encoding="utf-8")
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(DataError, match=f"{name}' has the column 'title' twice"):
            read_listings(tmp_path / name)


def test_a_bad_row_is_named_by_its_line_or_its_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,title\na,"two\nlines"\nb,""\n', encoding="utf-8")
    parquet.write_table(pa.Table.from_pylist([{"title": "x"}, {"title": None}]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.csv', line 4: column 'title' is empty"):
        read_listings(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"a\.parquet', row 2: column 'title' is empty"):
        read_listings(tmp_path / "a.parquet")


def test_two_equal_rows_without_ids_are_named_by_their_lines_and_not_by_a_made_id(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,title,brand\n,Kettle,K\nx,Lamp,\n,Kettle,K\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_listings(path)
    assert str(caught.value).endswith("line 4: says exactly what line 2 says, and neither has an id; remove one, or give each its own id")


GOLD_ROWS = [
    {"left_id": "a", "right_id": "x", "gold_label": "match"},
    {"left_id": "b", "right_id": "y", "gold_label": "no_match"},
    {"left_id": "b", "right_id": "x", "gold_label": ""},
]


@pytest.mark.parametrize("shape", ["flat.csv", "nested.jsonl", "flat.parquet"])
def test_known_matches_may_be_a_pair_file_of_which_only_labelled_matches_count(tmp_path: Path, shape: str) -> None:
    tables = [tuple(Listing(id=name, title=name) for name in names) for names in ("ab", "xy")]
    path = tmp_path / shape
    if shape == "flat.csv":
        path.write_text("left_id,right_id,gold_label\n" + "".join(",".join(row.values()) + "\n" for row in GOLD_ROWS), encoding="utf-8")
    elif shape == "flat.parquet":
        parquet.write_table(pa.Table.from_pylist(GOLD_ROWS), path)
    else:
        rows = [{"left": {"id": row["left_id"]}, "right": {"id": row["right_id"]}, "gold_label": row["gold_label"]} for row in GOLD_ROWS]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    assert read_matches(path, *tables) == ((0, 0),)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,x,0\n", "holds no match among 1 rows"),
        ("a,x,vielleicht\n", "line 2: label 'vielleicht' is not allowed: use 0, 1, match, no_match"),
        ("a,,1\n", "line 2: has no id in column 'right'"),
    ],
)
def test_a_table_of_matches_without_a_match_or_with_a_wrong_cell_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    tables = [(Listing(id=name, title=name),) for name in "ax"]
    (tmp_path / "gold.csv").write_text(f"left,right,label\n{rows}", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_matches(tmp_path / "gold.csv", *tables)
    assert said in str(caught.value)


def test_every_row_of_a_list_without_labels_is_a_known_match_once(tmp_path: Path) -> None:
    tables = [tuple(Listing(id=name, title=name) for name in names) for names in ("ab", "xy")]
    (tmp_path / "gold.csv").write_text("left,right\na,x\nb,y\na,x\n", encoding="utf-8")
    assert read_matches(tmp_path / "gold.csv", *tables) == ((0, 0), (1, 1))
