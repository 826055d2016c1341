"""``epm data inspect``, ``import`` and ``split`` as people run them: from a messy table to parts without a common product."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from epm.files.pairs import read_pairs
from forked_python import EPM, run_forked

TABLE = "Abgleich 2025;;;;;\nNr;Titel A;Preis A;EAN A;Titel B;Gleich?\n"


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *arguments, cwd=cwd, env={**os.environ, "COLUMNS": "80"})


def messy(folder: Path, *, damaged: bool = False) -> Path:
    rows = [
        f"{i};Föhn Kolvra {i // 2};1.{i:03d},50 €;{'4,00638E+12' if damaged and i == 3 else ''};Foehn {i};{'nein' if i % 2 else 'ja'}"
        for i in range(40)
    ]
    path = folder / "abgleich.csv"
    path.write_bytes((TABLE + "\r\n".join(rows) + "\r\n").encode("cp1252"))
    return path


def test_from_a_messy_table_to_parts_without_a_common_product(tmp_path: Path) -> None:
    messy(tmp_path)
    looked = epm("data", "inspect", "abgleich.csv", cwd=tmp_path)
    assert looked.returncode == 0, looked.stderr
    for shown in ("cp1252", "delimiter ';'", "header in line 2", "ja = match (20)", "Föhn Kolvra 0", "price='1000.50'", "all 40 rows"):
        assert shown in looked.stdout

    done = epm(
        "data",
        "import",
        "abgleich.csv",
        "--map",
        "mapping.toml",
        "--label-map",
        "ja=match,nein=no_match",
        "-o",
        "p.parquet",
        "--json",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"] == {"match": 20, "no_match": 20}
    assert read_pairs(tmp_path / "p.parquet").pairs[1].left.price == "1001.50"

    split = epm("data", "split", "p.parquet", "-o", "parts", "--parts", "train=0.5,test=0.5", "--json", cwd=tmp_path)
    assert split.returncode == 0, split.stderr
    report = json.loads(split.stdout)
    kept = sum(part["n_pairs"] for part in report["parts"].values())
    assert kept + report["n_cross_dropped"] == 40
    assert report["leakage"]["test against train"]["kind"] == "disjoint products"
    assert len(read_pairs(tmp_path / "parts" / "test.parquet").pairs) == report["parts"]["test"]["n_pairs"]
    assert json.loads((tmp_path / "parts" / "split.json").read_text()) == report


def test_a_damaged_code_is_refused_in_one_line_that_names_the_cell(tmp_path: Path) -> None:
    messy(tmp_path, damaged=True)
    found = json.loads(epm("data", "inspect", "abgleich.csv", "--json", cwd=tmp_path).stdout)
    assert found["damaged"][0]["first"] == [[6, "4,00638E+12"]]

    done = epm("data", "import", "abgleich.csv", "--map", "mapping.toml", "-o", "p.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "line 6, column 'EAN A', value '4,00638E+12'" in done.stderr
    assert not (tmp_path / "p.csv").exists()

    skipped = epm("data", "import", "abgleich.csv", "--map", "mapping.toml", "-o", "p.csv", "--on-bad-row", "skip", "--json", cwd=tmp_path)
    assert (json.loads(skipped.stdout)["n_pairs"], json.loads(skipped.stdout)["n_skipped"]) == (39, 1)


def test_an_edited_mapping_is_kept_when_a_new_one_is_written(tmp_path: Path) -> None:
    messy(tmp_path)
    epm("data", "inspect", "abgleich.csv", cwd=tmp_path)
    edited = (tmp_path / "mapping.toml").read_text(encoding="utf-8") + '"fast gleich" = "none"\n'
    (tmp_path / "mapping.toml").write_text(edited, encoding="utf-8")

    again = epm("data", "inspect", "abgleich.csv", cwd=tmp_path)

    assert "kept as mapping.toml.1" in again.stderr
    assert (tmp_path / "mapping.toml.1").read_text(encoding="utf-8") == edited
