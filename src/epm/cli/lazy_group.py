"""The program's commands, each loaded when it is asked for: the help page loads none, and a command only itself."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from epm.cli.help_texts import restore_help

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter  # for types alone: typer has them nowhere else


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command or a group is registered (a module under ``epm.cli``), and the line that the help page has on it."""

    module: str
    help: str

    def load(self, name: str) -> Command:
        """The command itself, with its options."""
        app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        app.callback()(_nothing)  # a program of one command would be that command
        import_module(f"epm.cli.{self.module}").register(app)
        restore_help(app)
        return _group(app).commands[name]


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and line alone; ``table`` names them in the order of the help page."""

    table: ClassVar[dict[str, LazyCommand]]

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]  # handed on as typer gives them
        self.commands = _Commands(self.table)

    def list_commands(self, ctx: Context) -> list[str]:
        """The names, in the order of the table."""
        del ctx
        return list(self.table)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Writes each command's name and line."""
        del ctx
        limit = formatter.width - 6 - max(map(len, self.table))  # as typer does: three times the space between columns
        with formatter.section("Commands"):
            formatter.write_dl([(name, TyperCommand(name, help=one.help).get_short_help_str(limit)) for name, one in self.table.items()])


class _Commands(MutableMapping[str, "Command"]):
    """The commands by name; looking one up loads it."""

    def __init__(self, table: dict[str, LazyCommand]) -> None:
        self._table = table
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._loaded:
            self._loaded[name] = self._table[name].load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def _group(app: typer.Typer) -> TyperGroup:
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)  # noqa: S101  # it has a callback
    return found


def _nothing() -> None:
    """No option of its own."""
