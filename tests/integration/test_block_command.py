"""``epm block`` from files to files: its figures, its pair file, and what it says about wrong input."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from epm.blocking.listing_table import read_listings
from epm.files.pairs import read_pairs
from forked_python import EPM, run_forked

LEFT = [
    {"id": "a0", "title": "Kolvra KX-120 kettle", "brand": "Kolvra", "attributes": {"colour": "steel"}},
    {"id": "a1", "title": "Norvik drill 18V, blue"},
    {"id": "a2", "title": "garden lamp"},
]
RIGHT = [
    {"id": "b0", "title": "kettle KX 120 Kolvra"},
    {"id": "b1", "title": "Norvik 18 V drill blue"},
    {"id": "b2", "title": "sofa"},
]
GOLD = [{"left": "a0", "right": "b0"}, {"left": "a1", "right": "b1"}, {"left": "a2", "right": "b2"}]


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *arguments, cwd=cwd)


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    for name, rows in (("left", LEFT), ("right", RIGHT), ("gold", GOLD)):
        write_lines(tmp_path / f"{name}.jsonl", rows)  # type: ignore[arg-type]
    (tmp_path / "left.csv").write_text(
        'id,title,brand,attributes.colour\na0,Kolvra KX-120 kettle,Kolvra,steel\na1,"Norvik drill 18V, blue",,\na2,garden lamp,,\n',
        encoding="utf-8",
    )
    return tmp_path


def test_the_figures_and_the_lost_matches_are_one_json_object(tables: Path) -> None:
    done = epm("block", "left.jsonl", "right.jsonl", "--gold", "gold.jsonl", "--json", cwd=tables)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["recall_at_k"] == {"1": 2 / 3, "5": 2 / 3, "10": 2 / 3, "20": 2 / 3}
    assert figures["reduction_ratio"] == pytest.approx(1 - figures["n_candidates"] / 9)
    assert figures["lost_by_reason"] == {"no_common_text": 1}
    assert [(lost["left"], lost["right"], lost["identifiers"]) for lost in figures["lost"]] == [("a2", "b2", "missing")]
    assert set(figures["channels"]) == {"identifiers", "characters"}


def test_exchanging_the_tables_gives_the_same_pairs(tables: Path) -> None:
    found = []
    for order in (("left", "right"), ("right", "left")):
        done = epm("block", *(f"{name}.jsonl" for name in order), "-o", f"{order[0]}.out.jsonl", "--per-listing", "0.6", cwd=tables)
        assert done.returncode == 0, done.stderr
        pairs = read_pairs(tables / f"{order[0]}.out.jsonl").pairs
        found.append({tuple(sorted((pair.left.id, pair.right.id))) for pair in pairs})
    assert found[0] == found[1] == {("a0", "b0"), ("a1", "b1")}


def test_progress_is_plain_lines_on_stderr_and_ids_cannot_write_to_the_terminal(tables: Path) -> None:
    write_lines(tables / "left.jsonl", [{"id": 'a\n\u001b[31m=1,"x', "title": "garden lamp"}])
    write_lines(tables / "gold.jsonl", [{"left": 'a\n\u001b[31m=1,"x', "right": "b2"}])
    done = epm("block", "left.jsonl", "right.jsonl", "--gold", "gold.jsonl", cwd=tables)
    assert done.returncode == 0, done.stderr
    assert done.stderr.isascii()
    assert "\x1b" not in done.stdout + done.stderr
    assert "characters: 1/1" in done.stderr
    lost = [line for line in done.stdout.splitlines() if line.startswith("lost  ")]
    assert len(lost) == 1
    assert "right b2, reason no_common_text, channels none" in lost[0]
    as_json = epm("block", "left.jsonl", "right.jsonl", "--gold", "gold.jsonl", "--json", cwd=tables)
    assert json.loads(as_json.stdout)["lost"][0]["left"] == 'a\n\u001b[31m=1,"x'


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".parquet"])
def test_the_candidates_are_a_pair_file_that_match_decides(tables: Path, ending: str) -> None:
    done = epm("block", "left.csv", "right.jsonl", "-o", f"out/pairs{ending}", cwd=tables)
    assert done.returncode == 0, done.stderr
    pairs = read_pairs(tables / "out" / f"pairs{ending}").pairs
    first = pairs[0]
    assert (first.left.id, first.right.id, first.gold_label) == ("a0", "b0", None)
    assert (first.left.brand, dict(first.left.attributes)) == ("Kolvra", {"colour": "steel"})
    assert "characters" in str(first.extras["candidate_channels"])
    decided = epm("match", f"out/pairs{ending}", "--matcher", "tfidf", cwd=tables)
    assert [json.loads(line)["pair_id"] for line in decided.stdout.splitlines()] == [pair.id for pair in pairs]


def test_every_format_gives_the_same_candidates(tables: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(LEFT), tables / "left.parquet")
    assert read_listings(tables / "left.csv") == read_listings(tables / "left.jsonl") == read_listings(tables / "left.parquet")


def test_the_dense_channel_on_disk_reports_the_recall_of_its_graph(tables: Path) -> None:
    pytest.importorskip("chromadb")
    command = ("block", "left.jsonl", "right.jsonl", "--channel", "dense", "--embedder", "hash", "--index", "idx", "--json")
    done = epm(*command, cwd=tables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["index_recall"] == 1.0
    assert (tables / "idx").is_dir()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("left.jsonl", '{"id": "a0", "title": "x"}\n{"id": "a0", "title": "y"}\n', "line 2: repeats the id 'a0' of line 1"),
        ("left.jsonl", '{"id": "a0"}\n', "line 1: has no column 'title'; present: 'id'"),
        ("left.jsonl", "", "is empty"),
        ("left.jsonl", "{\n", "line 1: broken JSON"),
        ("gold.jsonl", '{"left": "a0", "right": "zz"}\n', "right 'zz' is the id of no listing of the right table"),
        ("gold.jsonl", '{"left": "a0"}\n', "has no column 'right'"),
        ("left.csv", "id,title\na0,x,y\n", "line 2: has 3 cells, but the header has 2"),
        ("left.csv", "id,title,title\na0,x,y\n", "has the column 'title' twice"),
        ("left.csv", 'id,title\na0,"x\n', "line 2: broken CSV"),
        ("left.parquet", "no parquet", "no readable Parquet file"),
        ("left.txt", "x", "its name must end in one of"),
    ],
)
def test_wrong_input_is_one_line_that_names_the_place(tables: Path, name: str, text: str, said: str) -> None:
    (tables / name).write_text(text, encoding="utf-8")
    left = name if name.startswith("left") else "left.jsonl"
    done = epm("block", left, "right.jsonl", "--gold", "gold.jsonl", cwd=tables)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("epm: ")]) == 1


def test_a_missing_file_or_an_unknown_channel_is_refused(tables: Path) -> None:
    for command, said in (
        (("block", "nowhere.jsonl", "right.jsonl"), "cannot read 'nowhere.jsonl'"),
        (("block", "nowhere.csv", "right.jsonl"), "cannot read 'nowhere.csv'"),
        (("block", "nowhere.parquet", "right.jsonl"), "cannot read 'nowhere.parquet'"),
        (("block", "left.jsonl", "right.jsonl", "--channel", "smell"), "channel 'smell' is unknown"),
        (("block", "left.jsonl", "right.jsonl", "-o", "pairs.txt"), "cannot tell the format"),
    ):
        done = epm(*command, cwd=tables)
        assert done.returncode == 2
        assert said in done.stderr
