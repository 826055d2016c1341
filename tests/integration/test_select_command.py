"""``epm select`` from a candidate file to a pair file that ``epm teach`` takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from epm.files.pairs import read_pairs

WORDS = ("kettle", "drill", "lamp", "toaster", "camera", "tent", "mouse")


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from epm.cli.app import main; main()"]
    return subprocess.run(
        [*program, *map(str, arguments)], check=False, cwd=cwd, env=dict(os.environ), capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {
            "pair_id": f"p{i}", "gold_label": "match" if i % 3 else "no_match", "revenue": i or None,
            "left": {"id": f"l{i}", "title": f"Kolvra {WORDS[i % 7]} KX-{i * 37}"},
            "right": {"id": f"r{i}", "title": f"{WORDS[i % 7]} by Kolvra, KX {i * 37 + i % 2}"},
        }
        for i in range(30)
    ]  # fmt: skip
    (tmp_path / "candidates.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def test_the_chosen_pairs_are_a_pair_file_with_reasons_that_teaching_takes(folder: Path) -> None:
    done = epm("select", "candidates.jsonl", "--n", "10", "--value", "revenue", "-o", "chosen.parquet", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["n_candidates"], figures["n_chosen"], figures["n_random"], figures["n_without_value"]) == (30, 10, 1, 1)
    assert set(figures["means"]) == {"uncertainty", "disagreement", "value"}
    assert "1 of 30 candidates have no number in the value column" in done.stderr
    chosen = read_pairs(folder / "chosen.parquet").pairs
    assert [pair.extras["select_by"] for pair in chosen] == ["random"] + ["score"] * 9
    assert all("value" in str(pair.extras["select_reason"]) for pair in chosen[1:])
    taught = epm("teach", "chosen.parquet", "--embedder", "hash", "--store", "store.db", "--json", cwd=folder)
    assert taught.returncode == 0, taught.stderr
    assert json.loads(taught.stdout)["n_items"] == 10


def test_the_same_command_writes_the_same_bytes_and_another_seed_others(folder: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        done = epm("select", "candidates.jsonl", "--n", "8", "--seed", seed, "--random-share", "0.5", "-o", f"{name}.jsonl", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "n_chosen             8" in done.stdout
    a, b, c = ((folder / f"{name}.jsonl").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--n", "30"), "30 pairs are wanted of 30 candidates"),
        (("--n", "5", "--matcher", "tfidf", "--weight", "disagreement=1"), "disagreement needs two matchers"),
        (("--n", "5", "--weight", "luck=1"), "weight 'luck=1' is not NAME=NUMBER"),
        (("--n", "5", "--value", "profit"), "no pair has a number in the value column 'profit'"),
        (("--n", "5", "--matcher", "magic"), "matcher 'magic' is unknown"),
    ],
)
def test_what_cannot_be_chosen_is_one_line_and_leaves_no_file(folder: Path, options: tuple[str, ...], message: str) -> None:
    done = epm("select", "candidates.jsonl", *options, "-o", "chosen.jsonl", cwd=folder)
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    assert not (folder / "chosen.jsonl").exists()


def test_the_candidates_are_never_overwritten(folder: Path) -> None:
    done = epm("select", "candidates.jsonl", "--n", "5", "-o", "./candidates.jsonl", cwd=folder)
    assert (done.returncode, "choose another name" in done.stderr) == (2, True)
