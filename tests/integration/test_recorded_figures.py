"""Figures on the public data beside the checkout; skipped without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from epm.files.pairs import read_pairs
from epm.imports.explanations import import_explanations

EPM = Path(sys.executable).parent / "epm"
ROOT = Path(__file__).parents[2]
SHARED = (ROOT / os.environ.get("EPM_SHARED_DATA", "../shared/data")).resolve()
needs_data = pytest.mark.skipif(not (SHARED / "README.md").is_file(), reason="the shared data is not beside this checkout")
RECORDED = {
    "llama-3.1-8b-instruct-abt-buy-no-explanations-abt-buy-full--f4d88d.jsonl.gz@domain-simple-force": (0.933702, 0.820388, 0.873385),
    "llama-3.1-8b-instruct-wdc-small-abt-buy-full--db49ec.jsonl.gz@domain-simple-free": (0.788288, 0.849515, 0.817757),
    "llama-3.1-8b-instruct-wdc-small-explanation-structured-abt-buy-full--fdf3d0.jsonl.gz@domain-complex-force": (
        0.868932,
        0.868932,
        0.868932,
    ),
    "llama-3.1-70b-instruct-small-abt-buy-full--e1ff01.jsonl.gz@domain-complex-force": (0.697318, 0.883495, 0.779443),
    "gpt-3.5--batch-covering--abt-buy.jsonl.gz@batcher-diverse-covering": (0.832618, 0.941748, 0.883827),
}


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(EPM), *map(str, arguments)], check=False, cwd=cwd, capture_output=True, text=True, timeout=240)


@pytest.mark.shared
@needs_data
def test_bench_reproduces_the_recorded_rows_to_six_decimals_and_prints_nothing_else(tmp_path: Path) -> None:
    matchers = [part for name in RECORDED for part in ("--matcher", f"recorded:{SHARED / 'llm-outputs' / name}")]
    done = epm("bench", SHARED / "abt-buy" / "test.jsonl.gz", *matchers, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [tuple(round(row[key], 6) for key in ("precision", "recall", "f1")) for row in rows] == list(RECORDED.values())
    assert all((row["n"], row["positives"], row["threshold"], row["auprc"]) == (1916, 206, "as-is", None) for row in rows)
    assert all(row["f1_ci95"][0] < row["f1"] < row["f1_ci95"][1] for row in rows)


@pytest.mark.shared
@needs_data
@pytest.mark.parametrize(
    ("model", "split", "lacking", "contradicting", "found"),
    [
        ("gpt-4o", "train_small", 62, 54, 0.942),
        ("gpt-4o-mini", "train_small", 195, 14, 0.892),
        ("gpt-4o-mini", "valid_small", 177, 2, 0.892),
    ],
)
def test_recorded_explanations_are_read_with_the_known_losses(
    model: str, split: str, lacking: int, contradicting: int, found: float
) -> None:
    pairs = read_pairs(SHARED / "wdc-products-80cc" / f"{split}.jsonl.gz").pairs
    read = import_explanations(SHARED / "llm-explanations" / f"{model}--structured--wdc-{split}.jsonl.gz", pairs)
    figures = read.figures()
    assert (figures["n_answers"], figures["n_skipped_rows"], figures["n_without_label"]) == (2500, 0, 0)
    assert figures["n_entries_lacking_a_side"] == lacking
    assert len(read.contradicting()) == figures["n_contradicting_given_label"] == contradicting
    assert figures["quotes_found_share"] == pytest.approx(found, abs=0.001)
    for item in read.items:
        lines = [line for line in item.row.answer_text.splitlines() if line.strip()]
        assert len(lines) == 1 + len(item.answer.entries) + len(item.answer.unparsed), item.pair.id
