"""``epm runs compare`` on two real runs of the rules: figures, disagreements, exit status, and text that a terminal must not obey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from epm.agents.teach_file import TeachOptions, teach_file
from epm.cli.app import build_app
from epm.errors import ExitCode, StoreError
from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

pytest.importorskip("chromadb")

ESCAPE = "\x1b[31m"
COLOURS = ("black", "red", "white")


def invoke(store: Path, *arguments: str) -> Any:
    return CliRunner().invoke(build_app(), ["runs", "compare", *arguments, "--store", str(store)])


def taught(store: Path, pairs: list[Pair], name: str, **more: Any) -> str:
    path = store.with_name(name)
    write_pairs(path, pairs)
    return teach_file(path, TeachOptions(store=str(store), embedder="hash", concurrency=2, **more)).run_id


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A store, a run under the strict rule on six pairs, and one under the family rule on five of them, of which one has other text."""
    store = tmp_path_factory.mktemp("runs") / "store.db"
    pairs = [
        Pair(
            f"p{i}{ESCAPE}" if i == 0 else f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} kettle {COLOURS[i % 3]}{'' if i else ESCAPE}"),
            Listing(f"r{i}", f"Kolvra KX-{100 + i} kettle {COLOURS[(i + i % 2) % 3] if i else 'red'}"), Label.NO_MATCH if i % 2 else Label.MATCH,
        )
        for i in range(6)
    ]  # fmt: skip
    changed = [*pairs[:4], Pair("p4", pairs[4].left, Listing("r4", "Kolvra KX-104 toaster"), Label.MATCH)]
    return store, taught(store, pairs, "six.jsonl"), taught(store, changed, "five.jsonl", identity="family")


def test_two_runs_are_compared_on_the_pairs_that_are_the_same_in_both(runs: tuple[Path, str, str]) -> None:
    store, strict, family = runs
    found = json.loads(invoke(store, strict, family, "--json").stdout)
    assert (found["n"], found["n_only_a"], found["n_only_b"], found["n_other_text"]) == (4, 1, 0, 1)
    assert (found["a"]["run_id"], found["b"]["run_id"]) == (strict, family)
    assert found["differs_in"]["identity"] == ["strict", "family"]
    assert {one["pair_id"]: (one["gold"], one["a"], one["b"]) for one in found["disagreements"]} == {
        f"p0{ESCAPE}": ("match", "no_match (variant)", "match (variant)"),
        "p1": ("no_match", "no_match (variant)", "match (variant)"),
        "p3": ("no_match", "no_match (variant)", "match (variant)"),
    }
    assert found["gold"]["n"] == 4
    assert (found["gold"]["n_only_a_right"], found["gold"]["n_only_b_right"]) == (2, 1)
    assert (found["a"]["cost_usd"], found["coverage"]["value"]) == (0.0, 0.0)


def test_the_page_shows_figures_and_disagreements_and_obeys_no_listing(runs: tuple[Path, str, str]) -> None:
    store, strict, family = runs
    shown = invoke(store, strict[:8], family[:8], "--show", "2")
    assert shown.exit_code == 0, shown.output
    assert "\x1b" not in shown.stdout
    lines = shown.stdout.splitlines()
    assert "4 pairs in both with the same text; left out: 1 only in A, 0 only in B, 1 with other listing text, 0 purged" in lines
    assert "differs in identity: A strict, B family" in lines
    (accuracy,) = (line.split() for line in lines if line.startswith("accuracy"))
    assert accuracy[1:4] == ["0.750", "0.500", "-0.250"]
    assert r"p0\x1b[31m: A no_match (variant), B match (variant)  (gold match)" in lines
    assert any(line.startswith("    A: colour different: 'black") for line in lines)
    assert lines[-1] == "… 1 more disagreements: --show 3, or --json"


def test_runs_that_share_no_pair_end_with_exit_2(runs: tuple[Path, str, str], tmp_path: Path) -> None:
    store, strict, _ = runs
    refused = invoke(store, strict, strict)
    assert isinstance(refused.exception, StoreError)
    other = Pair("q1", Listing("l", "Kolvra lamp"), Listing("r", "Kolvra lamp"))
    lonely = taught(store, [other], "lonely.jsonl")
    refused = invoke(store, strict, lonely)
    assert isinstance(refused.exception, StoreError)
    assert refused.exception.exit_code is ExitCode.USER_ERROR
    assert "share no pair: 6 and 1 pairs, 0 ids in both" in str(refused.exception)
