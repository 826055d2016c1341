"""``epm fit``: fit the matcher that learns from labelled pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.options import BadRow, OnBadRow
from epm.cli.pair_input import read_pair_file


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(name="fit", help="Fit a matcher on labelled pairs.", no_args_is_help=True)
    group.command("evidence-model")(evidence_model)
    group.callback()(_group)
    app.add_typer(group)


def _group() -> None:
    """Fit a matcher on labelled pairs."""


def evidence_model(
    train: Annotated[Path, typer.Argument(help="Labelled pairs: .jsonl, .jsonl.gz, .csv or .parquet.")], *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the model; use it as --matcher evidence-model:FOLDER.")],
    seed: Annotated[int, typer.Option(help="The same file and seed give the same model.")] = 0,
    on_bad_row: OnBadRow = BadRow.STOP,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Fit a calibrated probability on the engine's evidence; recipe and threshold are chosen on unseen products."""
    from epm.matchers.evidence_fitting import fit_evidence_model

    card = fit_evidence_model(read_pair_file(train, on_bad_row=on_bad_row), out, seed=seed)
    if as_json:
        typer.echo(json.dumps({"folder": str(out), **card.figures}))
        return
    typer.echo(f"evidence-model written to {out}")
    for name, value in card.figures.items():
        typer.echo(f"  {name}: {value}")
