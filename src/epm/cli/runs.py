"""``epm runs``: what stands in the run store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epm.config import DEFAULT_STORE

StoreOption = Annotated[Path, typer.Option("--store", help="The run store.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add ``epm runs`` to the program."""
    group = typer.Typer(help="List and show runs: items, calls, tokens, cost, failures.", no_args_is_help=True)
    group.command("list")(list_runs)
    group.command("show")(show_run)
    app.add_typer(group, name="runs")


def list_runs(*, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """List every run, the latest first."""
    from epm.store.render import run_to_json, runs_table
    from epm.store.store import RunStore

    with RunStore.open(store, must_exist=True) as opened:
        runs = opened.runs()
    _print(as_json, {"runs": [run_to_json(run) for run in runs]}, runs_table(runs))


def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id or its first characters.")],
    *,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show one run: totals, cost per item, failures by class with an example each."""
    from epm.store.render import summary_text, summary_to_json
    from epm.store.store import RunStore

    with RunStore.open(store, must_exist=True) as opened:
        summary = opened.run_summary(run)
    _print(as_json, summary_to_json(summary), summary_text(summary))


def _print(as_json: bool, value: dict[str, object], text: str) -> None:
    import json

    typer.echo(json.dumps(value, indent=2, ensure_ascii=False) if as_json else text)
