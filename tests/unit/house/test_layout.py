"""The house stands as ARCHITECTURE.md draws it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from epm.cli.app import COMMANDS
from epm.registry import JUDGES, MATCHERS

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "epm"
COMMAND_MODULES = tuple(command.module for command in COMMANDS.values())
LINKED = ("agents", "judges", "distill", "prompts", "eval")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60


def modules() -> list[Path]:
    """Every module, each once: the linked folders by their real place."""
    found = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in LINKED]
    return sorted(found + [path for folder in LINKED for path in (ROOT / folder).rglob("*.py")])


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines of every function, its docstring left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            has_docstring = ast.get_docstring(node) is not None
            docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - docstring


@pytest.mark.parametrize("name", LINKED)
def test_each_root_folder_is_linked_into_the_package_by_a_relative_link(name: str) -> None:
    link = SOURCE / name

    assert link.is_symlink(), f"{link} must be a link (on Windows: git config core.symlinks true, then check out again)"
    assert link.readlink() == Path("..", "..", name)
    assert link.resolve() == ROOT / name


@pytest.mark.parametrize("name", LINKED)
def test_no_root_folder_is_an_import_package_of_its_own(name: str) -> None:
    """With an ``__init__.py`` the folder would shadow any installed package of that name, the openai-agents SDK for one."""
    assert not (ROOT / name / "__init__.py").exists()
    assert any((ROOT / name).rglob("*.py"))


def test_the_walk_sees_both_the_ground_floor_and_the_linked_folders() -> None:
    seen = {path.relative_to(ROOT).parts[0] for path in modules()}

    assert seen == {"src", *LINKED}


def test_no_module_is_longer_than_one_can_read_at_once() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}

    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}: {name} has {n} lines" for path in modules() for name, n in functions(path) if n > MAX_FUNCTION_LINES
    ]

    assert too_long == []


@pytest.mark.parametrize("target", [*MATCHERS.values(), *JUDGES.values()])
def test_every_registered_name_leads_to_a_function_that_exists(target: str) -> None:
    module, _, factory = target.partition(":")
    path = SOURCE.parent / Path(*module.split(".")).with_suffix(".py")

    assert path.is_file()
    assert factory in {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", COMMAND_MODULES)
def test_every_command_module_registers_itself(name: str) -> None:
    tree = ast.parse((SOURCE / "cli" / f"{name}.py").read_text(encoding="utf-8"))

    assert "register" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_command_module_is_left_out_of_the_program() -> None:
    helpers = {"__init__", "app"}
    registering = {
        path.stem
        for path in (SOURCE / "cli").glob("*.py")
        if path.stem not in helpers and "def register(" in path.read_text(encoding="utf-8")
    }

    assert registering == set(COMMAND_MODULES)
