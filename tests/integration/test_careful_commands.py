"""Commands that would destroy their input, and results that people must not take for sound ones."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.sample import World, generate
from forked_python import EPM, run_forked

LISTINGS = "id,title\n{0}1,Kolvra KX-120 kettle\n{0}2,Norvik drill 18V\n"


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *arguments, cwd=cwd, env={**os.environ, "COLUMNS": "200"}, timeout_s=240)


def pairs(n: int, label: Label | None = None) -> list[Pair]:
    return [Pair(f"p{i}", Listing(f"l{i}", f"kettle {i}"), Listing(f"r{i}", f"kettle {i} black"), label) for i in range(n)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "l.csv").write_text(LISTINGS.format("l"), encoding="utf-8")
    (tmp_path / "r.csv").write_text(LISTINGS.format("r"), encoding="utf-8")
    (tmp_path / "gold.csv").write_text("left,right\nl1,r1\n", encoding="utf-8")
    write_pairs(tmp_path / "train.jsonl", pairs(40))
    (tmp_path / "link.jsonl").symlink_to("train.jsonl")
    (tmp_path / "told.jsonl").write_text('{"pair_id": "p1"}\n', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("block", "l.csv", "r.csv", "-o", "l.csv"),
        ("block", "l.csv", "r.csv", "-o", "./r.csv"),
        ("block", "l.csv", "r.csv", "--gold", "gold.csv", "-o", "gold.csv"),
        ("match", "train.jsonl", "--matcher", "tfidf", "-o", "train.jsonl"),
        ("match", "train.jsonl", "--matcher", "tfidf", "-o", "link.jsonl"),
        ("match", "train.jsonl", "--matcher", "recorded:told.jsonl", "-o", "told.jsonl"),
        ("data", "split", "train.jsonl", "-o", "."),
        ("data", "inspect", "l.csv", "--listings", "-o", "l.csv"),
        ("data", "inspect", "gold.csv", "--left", "l.csv", "--right", "r.csv", "-o", "r.csv"),
        ("import", "explanations", "told.jsonl", "--pairs", "train.jsonl", "-o", "told.jsonl"),
        ("import", "explanations", "told.jsonl", "--pairs", "train.jsonl", "-o", "train.jsonl"),
        ("export", "run", "-o", "told.jsonl", "--store", "told.jsonl"),
        ("export", "run", "--format", "rationales", "-o", ".", "--store", "./README.md"),
    ],
)
def test_no_command_writes_over_what_it_reads(folder: Path, command: tuple[str, ...]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = epm(*command, cwd=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("epm: ")
    assert "another" in done.stderr.splitlines()[-1]
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("l.csv", "id;title\nl1;kettle 1,7 l\n", "has no column 'title'; present: 'id;title'; "),
        ("l.csv", "title_left,title_right\na,b\n", "has no column 'title'; present: 'title_left', 'title_right'; "),
        ("l.jsonl", '{"left": {"title": "a"}, "right": {"title": "b"}}\n', "line 1: has no column 'title'; present: 'left', 'right'; "),
    ],
)
def test_a_table_that_is_no_catalogue_is_shown_the_way(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    done = epm("block", name, "r.csv", cwd=folder)

    assert done.returncode == 2
    assert said in done.stderr
    assert "epm data inspect FILE --listings" in done.stderr


def test_a_blank_title_is_still_a_blank_title(folder: Path) -> None:
    (folder / "l.csv").write_text("id,title\nl1,\n", encoding="utf-8")
    assert "line 2: column 'title' is empty" in epm("block", "l.csv", "r.csv", cwd=folder).stderr


def test_no_candidate_at_all_is_said(folder: Path) -> None:
    (folder / "l.csv").write_text("id,title\nl1,Kolvra\n", encoding="utf-8")
    (folder / "r.csv").write_text("id,title\nr1,xyz\n", encoding="utf-8")
    done = epm("block", "l.csv", "r.csv", "-o", "c.jsonl", "--json", cwd=folder)

    assert (done.returncode, json.loads(done.stdout)["n_candidates"]) == (0, 0)
    assert "no candidate was found" in done.stderr


@pytest.mark.parametrize("text", ["title_left,title_right,label\na,b,1\n", '{"title_left": "a", "title_right": "b"}\n'])
def test_a_table_that_is_no_pair_file_is_shown_the_way(folder: Path, text: str) -> None:
    name = "own.csv" if text.startswith("title") else "own.jsonl"
    (folder / name).write_text(text, encoding="utf-8")
    done = epm("fit", "evidence-model", name, "-o", "m", cwd=folder)

    assert done.returncode == 2
    assert "has no column 'left_title'" in done.stderr
    assert "epm data import" in done.stderr


def test_pairs_without_any_label_are_told_apart_from_few_labels(folder: Path) -> None:
    done = epm("fit", "evidence-model", "train.jsonl", "-o", "m", cwd=folder)

    assert done.returncode == 2
    assert "none of the 40 pairs has a label" in done.stderr
    assert "gold_label" in done.stderr


def test_a_fit_on_few_pairs_says_that_its_figures_rest_on_few(folder: Path) -> None:
    write_pairs(folder / "own.jsonl", [one.pair for one in generate(World.TRAIN, 160, seed=2)])
    done = epm("fit", "evidence-model", "own.jsonl", "-o", "m", "--json", cwd=folder)
    figures = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert 0 < figures["n_held_out_matches"] < 100
    assert f"rest on {figures['n_held_out']} pairs, {figures['n_held_out_matches']} of them matches" in done.stderr


def test_too_few_pairs_for_a_part_are_not_blamed_on_their_products(folder: Path) -> None:
    write_pairs(folder / "own.csv", pairs(2))
    done = epm("data", "split", "own.csv", "-o", "parts", cwd=folder)

    assert done.returncode == 2
    assert "too few" in done.stderr
    assert "hang together" not in done.stderr


def test_parts_without_a_label_or_without_a_match_are_pointed_out(folder: Path) -> None:
    unlabelled = epm("data", "split", "train.jsonl", "-o", "parts", cwd=folder)
    write_pairs(folder / "no.jsonl", pairs(40, Label.NO_MATCH))
    no_match = epm("data", "split", "no.jsonl", "-o", "parts", "--json", cwd=folder)

    assert unlabelled.returncode == no_match.returncode == 0
    assert "no pair has a label" in unlabelled.stderr
    assert "no match in train, valid, test" in no_match.stderr
    assert "no pair has a label" not in no_match.stderr


def test_an_import_without_any_label_says_so(folder: Path) -> None:
    (folder / "own.csv").write_text("title_l;title_r;stand\na;b;gut\nc;d;gut\n", encoding="utf-8")
    looked = epm("data", "inspect", "own.csv", cwd=folder)
    done = epm("data", "import", "own.csv", "--map", "mapping.toml", "-o", "p.jsonl", cwd=folder)

    assert "no column was recognised as the label" in looked.stdout
    assert done.returncode == 0
    assert "none of the 2 pairs has a label" in done.stderr
    assert "pair.label" in done.stderr
