"""A student whose weights are not those that its card was written beside is refused, whichever byte changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.artifact import read_card, write_card
from epm.errors import ArtifactError

WEIGHTS = bytes(range(256)) * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter_model.safetensors").write_bytes(WEIGHTS)
    write_card(tmp_path, kind="student", name="s", data={"sft": "sha"}, config={}, versions={}, figures={})
    return tmp_path


def test_the_student_as_written_is_read(folder: Path) -> None:
    assert set(read_card(folder, kind="student").data) == {"sft", "weights adapter_model.safetensors"}


@pytest.mark.parametrize("place", [0, 500, len(WEIGHTS) - 1])
def test_one_changed_byte_is_refused_in_words_that_name_the_file(folder: Path, place: int) -> None:
    changed = bytearray(WEIGHTS)
    changed[place] ^= 1
    (folder / "adapter_model.safetensors").write_bytes(changed)
    with pytest.raises(ArtifactError, match=r"adapter_model.safetensors has the SHA-256 .* damaged or replaced; copy"):
        read_card(folder, kind="student")


def test_weights_that_are_gone_are_refused(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"cannot read adapter_model.safetensors"):
        read_card(folder, kind="student")
