"""``epm why``: everything that happened to one pair, for blame analysis."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.cli.streams import rich_console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epm.cli.why_lines import Line


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("why")(why)


def why(
    pair_id: Annotated[str, typer.Argument(metavar="PAIR_ID", help="The pair's id, as in its file.")], *,
    run: Annotated[str | None, typer.Option(help="Only this run: its id or first characters.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show long texts whole.")] = False,
    store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Show every call, prompt, retrieved text, reply, decision, judgement and reason for review of one pair, in the order of time."""
    from epm.cli.why_lines import history_lines
    from epm.store.history import pair_history
    from epm.store.history_json import history_to_json
    from epm.store.store import RunStore

    with RunStore.open_to_read(store) as opened:
        history = pair_history(opened, pair_id, run=run)
    if as_json:
        import json

        typer.echo(json.dumps(history_to_json(history), indent=2))  # ASCII: listing text may hold control and half characters
    else:
        _show(history_lines(history, full=full))


def _show(lines: Iterable[Line]) -> None:
    if not sys.stdout.isatty():
        typer.echo("\n".join(line.text for line in lines))
        return
    from rich.text import Text

    console = rich_console()
    for line in lines:
        console.print(Text(line.text, style=line.style))
