"""The help pages of commands that ask models, as they stand in ``help/``. ``EPM_UPDATE_GOLDEN=1`` rewrites them; review the diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from epm.cli.app import build_app

GOLDEN = Path(__file__).parent / "help"


@pytest.mark.parametrize("name", ["teach", "judge score", "doctor"])
def test_the_help_page_stands_as_it_was_read(name: str) -> None:
    shown = CliRunner().invoke(build_app(), [*name.split(), "--help"], terminal_width=100).stdout
    path = GOLDEN / f"{name.replace(' ', '_')}.txt"
    if os.environ.get("EPM_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")

    assert shown == path.read_text(encoding="utf-8")
