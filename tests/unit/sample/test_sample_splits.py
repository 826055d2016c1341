"""The written splits: same seed same bytes, no shared product, a true card."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from epm.cli.data import register
from epm.errors import ConfigError, DataError
from epm.files.pairs import read_pairs
from epm.listing import Listing
from epm.sample.splits import write_sample

SIZES = {"train": 300, "reinforce": 80, "valid": 100, "test": 150}
SPLITS = tuple(SIZES)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("sample")
    return out, write_sample(out, seed=5, sizes=SIZES)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(written: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, card = written
    again = write_sample(tmp_path / "again", seed=5, sizes=SIZES)
    assert again == card
    for split in SPLITS:
        assert (out / f"{split}.jsonl.gz").read_bytes() == (tmp_path / "again" / f"{split}.jsonl.gz").read_bytes()
    other = write_sample(tmp_path / "other", seed=6, sizes=SIZES)
    assert {file["sha256"] for file in other["files"].values()}.isdisjoint({file["sha256"] for file in card["files"].values()})


def test_splits_share_no_product_and_no_listing_text(written: tuple[Path, dict[str, Any]]) -> None:
    out, _ = written
    listings = {split: _listings(out, split) for split in SPLITS}
    for first, second in combinations(SPLITS, 2):
        assert not {listing.cluster_id for listing in listings[first]} & {listing.cluster_id for listing in listings[second]}
        assert not {listing.content_sha() for listing in listings[first]} & {listing.content_sha() for listing in listings[second]}
        assert not {listing.id for listing in listings[first]} & {listing.id for listing in listings[second]}


def test_the_card_counts_what_is_in_the_files(written: tuple[Path, dict[str, Any]]) -> None:
    out, card = written
    assert json.loads((out / "sample.json").read_text(encoding="utf-8")) == card
    for split, n_pairs in SIZES.items():
        described = card["files"][f"{split}.jsonl.gz"]
        pairs = read_pairs(out / f"{split}.jsonl.gz").pairs
        assert described["sha256"] == hashlib.sha256((out / f"{split}.jsonl.gz").read_bytes()).hexdigest()
        assert (
            described["n_pairs"] == len(pairs) == n_pairs == sum(described["relations"].values()) == sum(described["categories"].values())
        )
        assert described["relations"] == Counter(pair.relation.value for pair in pairs)
        assert described["labels"] == Counter(pair.gold_label.value if pair.gold_label else "undecided" for pair in pairs)
        assert {pair.split for pair in pairs} == {split}
    assert set(card["files"]["test.jsonl.gz"]["categories"]) - set(card["files"]["train.jsonl.gz"]["categories"]) == {"garden", "cycling"}


def test_an_empty_split_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'valid'"):
        write_sample(tmp_path, seed=1, sizes={"train": 5, "valid": 0, "test": 5})


def test_an_unknown_split_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'holdout'"):
        write_sample(tmp_path, seed=1, sizes={"holdout": 5})


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match="taken"):
        write_sample(tmp_path / "taken", seed=1, sizes={"train": 5})


def test_the_command_prints_the_card(tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(
        app,
        [
            "data",
            "generate",
            "--out",
            str(tmp_path),
            "--seed",
            "2",
            "--train",
            "20",
            "--reinforce",
            "12",
            "--valid",
            "10",
            "--test",
            "15",
            "--json",
        ],
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads((tmp_path / "sample.json").read_text(encoding="utf-8"))


def _listings(out: Path, split: str) -> list[Listing]:
    return [listing for pair in read_pairs(out / f"{split}.jsonl.gz").pairs for listing in (pair.left, pair.right)]
