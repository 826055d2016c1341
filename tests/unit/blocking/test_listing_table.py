"""Tables of listings read through the readers of pair files: the same rows whatever the format."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from epm.blocking.listing_table import read_listings
from epm.errors import DataError

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
