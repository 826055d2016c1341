"""Help texts where Python strips docstrings (``python -OO``): read from the source of the commands."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator

import typer


def restore_help(app: typer.Typer) -> None:
    """Every command of the tree has its docstring again; nothing is done unless Python stripped them."""
    if sys.flags.optimize <= 1:
        return
    for command in _commands(app):
        if command.__doc__ is None:
            command.__doc__ = _docstring(command)


def _commands(app: typer.Typer) -> Iterator[Callable[..., object]]:
    for command in app.registered_commands:
        if command.callback is not None:
            yield command.callback
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance)


def _docstring(command: Callable[..., object]) -> str | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(command))))
    except (OSError, SyntaxError):  # an installation without sources
        return None
    function = tree.body[0]
    return ast.get_docstring(function) if isinstance(function, ast.FunctionDef) else None
