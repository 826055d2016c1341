"""The help pages: options in groups, what is required first; and a page that lists all commands loads none."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from epm.cli.app import COMMANDS, build_app
from epm.cli.panels import PANELS, PanelCommand

ASKING = ("teach", "match", "bench", "audit", "judge score", "compare", "doctor", "runs retry")
UNGROUPED = {
    "matcher", "identity", "embedder", "web_search", "seed", "on_bad_row", "fresh", "with_labels", "plan", "valid", "student", "oracle",
    "min_agreement", "judge", "failed", "error_class", "judgements",
}  # fmt: skip
"""What the command is to do; everything else has a panel."""


def command(name: str) -> Any:
    found: Any = typer.main.get_command(build_app())
    for part in name.split():
        found = found.commands[part]
    return found


def page(name: str) -> str:
    return CliRunner().invoke(build_app(), [*name.split(), "--help"], terminal_width=100).stdout


@pytest.mark.parametrize("name", ASKING)
def test_a_command_that_asks_models_shows_its_options_in_groups(name: str) -> None:
    asked = command(name)
    assert isinstance(asked, PanelCommand)
    options = [one for one in asked.params if one.param_type_name == "option"]
    assert {one.name for one in options if one.rich_help_panel is None} <= UNGROUPED
    assert {one.rich_help_panel for one in options} <= {None, *PANELS}
    titles = [line[:-1] for line in page(name).splitlines() if line[:1].isalpha() and line.endswith(":")]
    assert titles == [title for title in ("Arguments", *PANELS) if title in titles]
    assert all(f"{one.opts[0]} " in page(name) or f"{one.opts[0]}\n" in page(name) for one in options)


def test_what_must_be_given_stands_first_in_its_group() -> None:
    lines = page("audit").splitlines()
    options = lines[lines.index("Options:") :]
    assert [options[1].split()[0], next(line for line in options[2:] if line.startswith("  --")).split()[0]] == ["--student", "--oracle"]
    lines = page("doctor").splitlines()
    assert lines[lines.index("Model:") + 1].startswith("  --model")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says_of_itself(name: str) -> None:
    said = inspect.cleandoc(command(name).help).split("\n\n")[0]
    assert said.startswith(COMMANDS[name].help)
    assert COMMANDS[name].help.endswith(".")
    assert said[len(COMMANDS[name].help) :][:1] in {"", " "}


def test_a_command_that_is_not_there_names_the_nearest() -> None:
    assert "Did you mean 'teach'?" in CliRunner().invoke(build_app(), ["teahc"]).output
