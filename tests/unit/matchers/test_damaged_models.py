"""Folders of a fitted model that are damaged, each refused in words that say what is wrong, and none of them used."""

from __future__ import annotations

import io
import json
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from epm.artifact import read_card, write_card
from epm.errors import ArtifactError
from epm.matchers.linear_model import LinearModel
from epm.matchers.pair_model import Calibration, PairModel, PairScorer
from epm.matchers.pair_model_file import read_pair_model, write_pair_model
from epm.matchers.tree_model import TreeModel
from epm.matchers.word_statistics import N_BUCKETS, WordStatistics

FEATURES = ("likeness", "price")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of one line and one stump, with its card."""
    places = np.array([1, 1, 2])
    trees = TreeModel(np.array([0, 0, 0]), np.array([0.5, 0, 0]), places, np.array([2, 1, 2]), np.array([0, -1.0, 1.0]), np.array([0]), 0.0)
    words = WordStatistics(2, {"kettle": 1}, np.zeros(N_BUCKETS, dtype=np.int32))
    scorer = PairScorer(LinearModel(np.array([1.0, -0.5]), 0.1), trees)
    write_pair_model(tmp_path, PairModel(FEATURES, words, scorer, Calibration(1.0, 0.0), 0.5))
    write_card(tmp_path, kind="evidence-model", name="m", data={}, config={}, versions={}, figures={})
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        read_pair_model(folder, features=FEATURES)
    return str(caught.value)


def read_whole(folder: Path) -> None:
    read_card(folder, kind="evidence-model")
    read_pair_model(folder, features=FEATURES)


def test_the_sound_model_is_read(folder: Path) -> None:
    assert read_pair_model(folder, features=FEATURES).threshold == 0.5


def test_an_empty_file_of_arrays_is_refused_and_not_taken_for_the_end_of_the_input(folder: Path) -> None:
    (folder / "model.npz").write_bytes(b"")
    assert "is damaged" in refusal(folder)


def test_one_array_in_place_of_several_is_refused(folder: Path) -> None:
    alone = io.BytesIO()
    np.save(alone, np.zeros(3))
    (folder / "model.npz").write_bytes(alone.getvalue())
    assert "is damaged" in refusal(folder)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["weights", "threshold", "value", "gram_counts"])
def test_numbers_that_are_not_finite_are_refused_with_the_name_of_their_array(folder: Path, name: str, number: float) -> None:
    with np.load(folder / "model.npz") as packed:
        arrays = {key: packed[key].astype(np.float64) for key in packed.files}
    arrays[name][0] = number
    np.savez(folder / "model.npz", **arrays)
    assert f"{name!r}" in refusal(folder)


@pytest.mark.parametrize("name", ["shift", "slope", "linear_bias", "tree_bias"])
@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_settings_that_are_not_finite_are_refused(folder: Path, name: str, number: str) -> None:
    text = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**text, name: float(number)}))
    assert name in refusal(folder)


@pytest.mark.parametrize("name", ["model.npz", "model.json", "card.json"])
def test_whatever_byte_is_wrong_the_error_is_one_that_people_see_without_a_traceback(folder: Path, name: str) -> None:
    sound, rng = (folder / name).read_bytes(), random.Random(7)
    for i in range(60):
        at = rng.randrange(len(sound))
        broken = sound[:at] if i % 3 == 0 else sound[:at] + bytes([rng.randrange(256)]) + sound[at + 1 :]
        (folder / name).write_bytes(broken)
        with suppress(ArtifactError):
            read_whole(folder)


@pytest.mark.parametrize(("name", "field"), [("card.json", "schema_version"), ("model.json", "features")])
def test_the_first_wrong_field_of_a_damaged_description_is_named(folder: Path, name: str, field: str) -> None:
    text = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**text, field: [{}]}))
    with pytest.raises(ArtifactError) as caught:
        read_whole(folder)

    assert field in str(caught.value)
    assert "validation error" not in str(caught.value)


def test_an_array_whose_head_is_no_python_literal_is_one_line(folder: Path) -> None:
    head = b"{'descr': '<i4', 'fortran_order': False, 'shape': (3,"
    with zipfile.ZipFile(folder / "model.npz", "a") as archive:
        archive.writestr("more.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)

    assert "is damaged" in refusal(folder)
