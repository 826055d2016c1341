"""A wrong input is one line that names place and remedy, exit status 2, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EPM = Path(sys.executable).parent / "epm"
MATCH, BENCH = "match", "bench"


def rows(n: int) -> list[str]:
    return [
        json.dumps({"pair_id": f"p{i}", "left": {"title": f"Kolvra KX-{i}"}, "right": {"title": "Kolvra KX-1"}, "label": int(i == 1)})
        for i in range(n)
    ]


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the installed program."""
    command = [str(EPM), *map(str, arguments)]
    return subprocess.run(command, check=False, cwd=cwd, env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, timeout=120)


def refusal(*arguments: str | Path, cwd: Path) -> str:
    """The one line of a refused command."""
    done = epm(*arguments, cwd=cwd)
    lines = done.stderr.strip().splitlines()

    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("epm: ")
    return lines[0]


@pytest.mark.parametrize("command", [MATCH, BENCH])
@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("absent.jsonl", None, ["absent.jsonl", "No such file", "give the path"]),
        ("empty.jsonl", b"", ["empty.jsonl", "is empty", "at least one pair"]),
        (
            "column.csv",
            b"left_title,name_b\na,b\n",
            ["column.csv", "no column 'right_title'", "present: 'left_title', 'name_b'", "rename or add"],
        ),
        ("broken.jsonl", "\n".join([*rows(6), '{"left": ']).encode(), ["broken.jsonl", "line 7", "broken JSON", "--on-bad-row skip"]),
        ("label.csv", b"left_title,right_title,label\na,b,maybe\n", ["label.csv", "line 2", "'maybe' is not allowed", "match, no_match"]),
        ("twice.jsonl", "\n".join([*rows(3), rows(2)[1]]).encode(), ["twice.jsonl", "line 4: repeats pair_id 'p1' of line 2"]),
        ("junk.parquet", bytes(range(256)), ["junk.parquet", "no readable Parquet file", "write it again"]),
    ],
)
def test_a_wrong_pair_file_is_refused_in_one_line(tmp_path: Path, command: str, name: str, content: bytes | None, parts: list[str]) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    line = refusal(command, name, "--matcher", "evidence-rules", cwd=tmp_path)

    assert [part for part in parts if part not in line] == []


def test_an_unwritable_output_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows(3)))
    (tmp_path / "file").write_text("in the way")
    line = refusal(MATCH, "pairs.jsonl", "--matcher", "evidence-rules", "--out", "file/decisions.jsonl", cwd=tmp_path)

    assert "file/decisions.jsonl" in line
    assert "choose a writable place" in line


def test_an_unknown_matcher_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows(3)))
    line = refusal(BENCH, "pairs.jsonl", "--matcher", "oracle-of-delphi", cwd=tmp_path)

    assert "'oracle-of-delphi' is unknown" in line
    assert "evidence-rules" in line


def test_a_bad_row_is_skipped_and_named_on_request(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n".join([*rows(4), "{"]))
    done = epm(BENCH, "pairs.jsonl", "--matcher", "evidence-rules", "--on-bad-row", "skip", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["n"] == 4
    assert "line 5" in done.stderr


def test_a_title_of_two_megabytes_is_processed(tmp_path: Path) -> None:
    row = {"left": {"title": "Kolvra KX-120 " * 150_000}, "right": {"title": "Kolvra KX-120"}, "label": 1}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row))
    done = epm(MATCH, "pairs.jsonl", "--matcher", "evidence-rules", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
