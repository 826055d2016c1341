"""``epm fit``: fit the matcher that learns from labelled pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.options import BadRow, OnBadRow
from epm.cli.pair_input import read_pair_file

_FEW = 100
"""Matches, or non-matches, below which a 95 % interval of a held-out share spans ten points and more."""


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
    _tell(card.figures)
    if as_json:
        typer.echo(json.dumps({"folder": str(out), **card.figures}))
        return
    typer.echo(f"evidence-model written to {out}")
    for name, value in card.figures.items():
        typer.echo(f"  {name}: {value}")


def _tell(figures: Mapping[str, object]) -> None:
    """Say on stderr that figures of few pairs are rough, a perfect one included."""
    n, n_matches = (value if isinstance(value, int) else 0 for value in (figures["n_held_out"], figures["n_held_out_matches"]))
    if min(n_matches, n - n_matches) < _FEW:
        typer.echo(
            f"epm: note: the held-out figures rest on {n} pairs, {n_matches} of them matches: they may be off by several points, and a perfect "
            "one is no proof; bench the model on pairs of other products",
            err=True,
        )
