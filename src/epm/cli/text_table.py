"""Tables on stdout: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from epm.cli.streams import rich_console
from epm.cli.visible import visible

if TYPE_CHECKING:
    from epm.eval.tables import TextTable


def show_table(table: TextTable) -> None:
    """Print the table; cells are shown as they are, never read as markup or obeyed."""
    table = replace(table, headers=tuple(map(visible, table.headers)), rows=tuple(tuple(map(visible, row)) for row in table.rows))
    if not sys.stdout.isatty():
        typer.echo(table.plain())
        return
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for i, header in enumerate(table.headers):
        drawn.add_column(Text(header), justify="left" if i == 0 else "right", no_wrap=i > 0)
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    rich_console().print(drawn)
