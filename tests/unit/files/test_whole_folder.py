"""A folder is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.errors import ArtifactError
from epm.files.whole_folder import whole_folder


@pytest.mark.parametrize("is_there", [False, True])
def test_what_was_written_stands_under_the_name_and_nothing_beside_it(tmp_path: Path, is_there: bool) -> None:
    target = tmp_path / "deep" / "model"
    if is_there:
        target.mkdir(parents=True)
    with whole_folder(target) as partial:
        (partial / "a.txt").write_text("a")
        assert is_there or not target.exists()

    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["deep", "deep/model", "deep/model/a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_ends_the_block_early_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    def write() -> None:
        with whole_folder(tmp_path / "model") as partial:
            (partial / "a.txt").write_text("a")
            raise error

    with pytest.raises(error):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "full"])
def test_what_stands_there_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("kept")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ArtifactError, match="choose another folder"), whole_folder(tmp_path / name):
        pass
    assert (tmp_path / "full" / "kept.txt").read_text() == (tmp_path / "file").read_text() == "kept"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ArtifactError, match="choose a writable folder"), whole_folder(tmp_path / "file" / "model"):
        pass
