"""Tables on stdout: rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from epm.eval.tables import TextTable


def show_table(table: TextTable) -> None:
    """Print the table; cells are shown as they are, never read as markup."""
    if not sys.stdout.isatty():
        typer.echo(table.plain())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for i, header in enumerate(table.headers):
        drawn.add_column(Text(header), justify="left" if i == 0 else "right", no_wrap=i > 0)
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)
