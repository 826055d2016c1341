"""Room on a disk is looked at where the result will lie, before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.errors import ArtifactError
from epm.files.room import require_room


def test_what_fits_is_let_through_though_the_folder_is_not_there_yet(tmp_path: Path) -> None:
    require_room(tmp_path / "a" / "b", 1, purpose="the student")

    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused_with_what_it_needs_and_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"the student needs 1,152,921,504,607 MB in '.*/b', and its disk has [\d,]+ MB left: make room"
    ):
        require_room(tmp_path / "b", 1 << 60, purpose="the student")
