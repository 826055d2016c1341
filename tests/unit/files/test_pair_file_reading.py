"""Reading pair files: formats, labels, missing values and extras."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from epm.files.pairs import read_pairs, write_pairs
from epm.pair import Pair
from epm.relation import Label, Relation

NESTED = {
    "pair_id": "p1",
    "left": {
        "id": "a",
        "title": "Kolvra KX-120",
        "brand": "",
        "price": 949.0,
        "cluster_id": 1406172,
        "attributes": {"colour": "black", "watts": 2200},
    },
    "right": {"title": "Kolvra KX 120", "gtin": 4006381333931, "specs": "1.7 l"},
    "label": 1,
    "relation": "other_pack",
    "factor": 6,
    "split": "valid",
    "hard_negative": False,
}


def jsonl(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_nested_row_becomes_a_pair_with_everything_in_its_place(tmp_path: Path) -> None:
    pair = read_pairs(jsonl(tmp_path / "p.jsonl", NESTED)).pairs[0]

    assert (pair.id, pair.gold_label, pair.relation, pair.factor, pair.split) == ("p1", Label.MATCH, Relation.OTHER_PACK, 6, "valid")
    assert (pair.left.id, pair.left.title, pair.left.brand, pair.left.cluster_id) == ("a", "Kolvra KX-120", None, "1406172")
    assert dict(pair.left.attributes) == {"colour": "black", "watts": "2200"}
    assert pair.right.gtin == "4006381333931"


@pytest.mark.parametrize("written", ["949.0", "19.90", "1e3", "0.10", "12"])
def test_a_json_number_in_a_text_field_keeps_its_text(tmp_path: Path, written: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(f'{{"left": {{"title": "a", "price": {written}}}, "right": {{"title": "b"}}}}')

    assert read_pairs(path).pairs[0].left.price == written


def test_unknown_columns_go_to_extras_and_are_listed_once(tmp_path: Path) -> None:
    file = read_pairs(jsonl(tmp_path / "p.jsonl", NESTED, {**NESTED, "pair_id": "p2"}))

    assert file.extra_columns == ("hard_negative", "right.specs")
    assert file.pairs[1].extras == {"hard_negative": False}
    assert file.pairs[1].right.extras == {"specs": "1.7 l"}


def test_missing_ids_are_hashes_of_the_content(tmp_path: Path) -> None:
    row = {"left": {"title": "a"}, "right": {"title": "b"}}
    pair = read_pairs(jsonl(tmp_path / "p.jsonl", row)).pairs[0]

    assert pair.left.id == pair.left.content_sha()[:16]
    assert pair.id == Pair.hashed_id(pair.left, pair.right)


@pytest.mark.parametrize(
    ("written", "label"),
    [
        (0, Label.NO_MATCH), (1, Label.MATCH), ("0", Label.NO_MATCH), ("1", Label.MATCH), ("match", Label.MATCH), ("no_match", Label.NO_MATCH),
        (True, Label.MATCH), (False, Label.NO_MATCH), ("True", Label.MATCH), ("false", Label.NO_MATCH), (1.0, Label.MATCH), (None, None), ("", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["label", "gold_label"])
def test_every_spelling_of_a_label_is_understood(tmp_path: Path, column: str, written: object, label: Label | None) -> None:
    row = {"left": {"title": "a"}, "right": {"title": "b"}, column: written}

    assert read_pairs(jsonl(tmp_path / "p.jsonl", row)).pairs[0].gold_label is label


def test_flat_csv_columns_make_the_same_pair_as_nested_json(tmp_path: Path) -> None:
    nested = jsonl(tmp_path / "p.jsonl", NESTED)
    flat = tmp_path / "p.csv"
    flat.write_text(
        "pair_id,left_id,left_title,left_brand,left_price,left_cluster_id,left_attributes.colour,left_attributes.watts,"
        "right_title,right_gtin,right_specs,label,relation,factor,split\n"
        "p1,a,Kolvra KX-120,,949.0,1406172,black,2200,Kolvra KX 120,4006381333931,1.7 l,1,other_pack,6,valid\n"
    )

    assert read_pairs(flat).pairs == read_pairs(nested).pairs
    assert read_pairs(flat).extra_columns == ("right_specs",)


def test_parquet_may_hold_nested_structs(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "p.parquet"
    parquet.write_table(pa.Table.from_pylist([NESTED]), path)

    assert read_pairs(path).pairs == read_pairs(jsonl(tmp_path / "p.jsonl", NESTED)).pairs


def test_whole_numbers_that_a_table_tool_stored_as_floats_stay_identifiers(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "p.parquet"
    columns = {
        "left_title": ["a", "c"],
        "right_title": ["b", "d"],
        "left_gtin": [4006381333931.0, float("nan")],
        "left_cluster_id": [7.0, None],
    }
    parquet.write_table(pa.table(columns), path)
    first, second = read_pairs(path).pairs

    assert (first.left.gtin, first.left.cluster_id) == ("4006381333931", "7")
    assert (second.left.gtin, second.left.cluster_id) == (None, None)


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"\xef\xbb\xbfleft_title,right_title\r\na,b\r\n\r\nc,d\r\n")

    assert [pair.left.title for pair in read_pairs(path).pairs] == ["a", "c"]


def test_the_sha_is_that_of_the_bytes_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(NESTED).encode()))

    assert read_pairs(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_limit_reads_that_many_pairs_and_looks_no_further(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "p.jsonl", NESTED)
    path.write_text(path.read_text() + "broken beyond the limit\n")

    assert len(read_pairs(path, limit=1).pairs) == 1


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "csv", "parquet"])
def test_a_title_of_two_megabytes_is_read_and_written(tmp_path: Path, ending: str) -> None:
    title = "KX-120 " * 300_000
    small = read_pairs(jsonl(tmp_path / "small.jsonl", {"left": {"title": title}, "right": {"title": "b"}}))
    path = tmp_path / f"p.{ending}"
    write_pairs(path, small.pairs)

    assert read_pairs(path).pairs[0].left.title == title


def test_extras_survive_writing_and_known_fields_win_over_them(tmp_path: Path) -> None:
    pairs = read_pairs(jsonl(tmp_path / "p.jsonl", NESTED)).pairs
    for ending, specs in (("jsonl", False), ("csv", "false"), ("parquet", "false")):
        path = tmp_path / f"again.{ending}"
        write_pairs(path, pairs)
        again = read_pairs(path).pairs[0]
        assert again.extras == {"hard_negative": specs}
        assert again.right.extras == {"specs": "1.7 l"}


def test_packed_bytes_do_not_depend_on_the_clock_or_the_name(tmp_path: Path) -> None:
    pairs = read_pairs(jsonl(tmp_path / "p.jsonl", NESTED)).pairs
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write_pairs(tmp_path / name, pairs)

    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert (tmp_path / "one.jsonl.gz").read_bytes()[4:8] == b"\0\0\0\0"
