"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from epm.errors import DataError
from epm.files.atomic import replacing, write_bytes, write_text


def test_the_new_text_replaces_the_old_one_and_leaves_no_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "report.html"
    write_text(path, "old")
    write_text(path, "neü")

    assert path.read_bytes() == "neü".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_an_interrupted_write_keeps_the_old_file_and_leaves_no_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_text(path, "old")

    def write_half() -> None:
        with replacing(path) as stream:
            stream.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.json"]


def test_a_link_stays_a_link_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_the_usual_permissions_are_given(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "theirs").touch()

    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "theirs").stat().st_mode)


def test_a_folder_or_device_is_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is a folder; choose the name of a file"):
        write_text(tmp_path, "text")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="it is no regular file"):
        write_text(tmp_path / "pipe", "text")


def test_an_unwritable_place_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write '.*file/x.txt': .*File exists.*; choose a writable place"):
        write_text(tmp_path / "file" / "x.txt", "text")
