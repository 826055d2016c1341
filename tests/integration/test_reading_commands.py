"""The commands fit and compare: what goes to stdout, what to stderr, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from epm.files.pairs import write_pairs
from epm.sample import World, generate
from forked_python import EPM, run_forked

KETTLES = ("Kolvra KX-120 kettle black 1.7 l", "KOLVRA KX120 Wasserkocher weiß (6er Pack)")


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *arguments, cwd=cwd, env={**os.environ, "COLUMNS": "200"}, timeout_s=240)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("fit")
    write_pairs(folder / "train.jsonl", [one.pair for one in generate(World.TRAIN, 160, seed=2)])
    done = epm("fit", "evidence-model", "train.jsonl", "-o", "model", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_fit_writes_an_artifact_that_match_and_bench_use(fitted: tuple[Path, dict[str, object]]) -> None:
    folder, figures = fitted
    card = json.loads((folder / "model" / "card.json").read_text())
    done = epm("match", "train.jsonl", "--matcher", "evidence-model:model", "-o", "out.jsonl", "--json", cwd=folder)

    assert card["kind"] == "evidence-model"
    assert card["figures"] == {name: value for name, value in figures.items() if name != "folder"}
    assert set(card["figures"]["held_out_f1"]) == {"linear", "trees", "linear+trees"}
    assert sorted(path.name for path in (folder / "model").iterdir()) == ["card.json", "model.json", "model.npz"]
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 160
    assert all(row["rationale"] for row in rows)
    assert json.loads(done.stdout)["match"] > 0


def test_fit_refuses_too_few_labels_in_one_line(tmp_path: Path) -> None:
    write_pairs(tmp_path / "few.jsonl", [one.pair for one in generate(World.TRAIN, 10, seed=2)])
    done = epm("fit", "evidence-model", "few.jsonl", "-o", "model", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "at least 20 matches" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "model").exists()


def test_compare_shows_titles_with_marked_spans_the_axes_relation_and_label(tmp_path: Path) -> None:
    done = epm("compare", *KETTLES, cwd=tmp_path)
    lines = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    assert lines[0] == "left   [=Kolvra] [=KX-120] [=kettle] [!black] [?1.7 l]"
    assert lines[1] == "right  [=KOLVRA] [=KX120] [=Wasserkocher] [!weiß] ([?6er Pack])"
    assert "\x1b" not in done.stdout
    answers = dict(line.split(maxsplit=1) for line in lines[lines.index("", 4) + 1 :])
    assert answers["axes"] == "core same, identifier unknown, variant different"
    assert (answers["relation"], answers["factor"], answers["label"]) == ("other_pack", "6", "no_match")
    assert not (tmp_path / ".epm").exists()


def test_compare_as_json_has_spans_that_slice_back(tmp_path: Path) -> None:
    done = epm("compare", *KETTLES, "--identity", "per-unit", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    titles = {"left": KETTLES[0], "right": KETTLES[1]}

    assert done.returncode == 0, done.stderr
    assert (told["relation"], told["factor"], told["label"]) == ("other_pack", 6, "match")
    assert told["axes"] == {"core": "same", "identifier": "unknown", "variant": "different"}
    spans = [(side, atom[side]) for atom in told["atoms"] for side in titles if atom[side] is not None]
    assert len(spans) > 6
    assert all(titles[side][span["start"] : span["end"]] == span["quote"] for side, span in spans)


def test_compare_shows_where_a_model_outvotes_the_engine(fitted: tuple[Path, dict[str, object]]) -> None:
    folder, _ = fitted
    model = json.loads((folder / "model" / "model.json").read_text())
    sure = folder / "sure"
    sure.mkdir(exist_ok=True)
    for name in ("card.json", "model.npz"):
        (sure / name).write_bytes((folder / "model" / name).read_bytes())
    (sure / "model.json").write_text(json.dumps({**model, "threshold": 0.0}))
    done = epm("compare", *KETTLES, "--matcher", "evidence-model:sure", "--json", cwd=folder)
    told = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (told["relation"], told["label"]) == ("exact", "match")
    assert told["overridden"][0] == "relation other_pack"
    assert 0 < told["probability"] < 1


def test_compare_refuses_a_folder_that_is_no_model_in_one_line(tmp_path: Path) -> None:
    done = epm("compare", *KETTLES, "--matcher", "evidence-model:nowhere", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "'nowhere' is no artifact" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_control_characters_in_a_title_do_not_reach_the_terminal(tmp_path: Path) -> None:
    done = epm("compare", "Kolvra \x1b[31mKX-120\x07 [=kettle]", "Kolvra KX-120 kettle", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\x07"} & set(done.stdout)
