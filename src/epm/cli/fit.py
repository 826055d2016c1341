"""``epm fit``: fit the matchers that learn from labelled pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import BadRow, OnBadRow
from epm.cli.pair_input import read_pair_file
from epm.cli.progress import progress_sink
from epm.cli.streams import note

if TYPE_CHECKING:
    from epm.distill.encoder_data import EncoderData

_FEW = 100
"""Matches, or non-matches, below which a 95 % interval of a held-out share spans ten points and more."""


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(name="fit", help="Fit a matcher on labelled pairs.", no_args_is_help=True)
    group.command("evidence-model")(evidence_model)
    group.command("encoder")(encoder)
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
    _show("evidence-model", out, card.figures, as_json=as_json)


def encoder(
    train: Annotated[Path, typer.Argument(help="Labelled pairs: .jsonl, .jsonl.gz, .csv or .parquet.")], *,
    out: Annotated[Path, typer.Option("-o", "--out", help="New folder for the network; use it as --matcher encoder:FOLDER.")],
    valid: Annotated[Path | None, typer.Option(help="Labelled pairs to choose epoch and threshold on; else a part of TRAIN, cut on products.")] = None,
    base: Annotated[str, typer.Option(help="Hub name, folder, or 'minilm' for the packaged one.")] = "FacebookAI/roberta-base",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training pairs; the best one on valid is kept.")] = 5,
    learning_rate: Annotated[float, typer.Option(help="Peak rate; about 1e-4 for minilm.")] = 3e-5,
    batch_size: Annotated[int, typer.Option(min=1, help="Pairs in a step.")] = 32,
    max_tokens: Annotated[int, typer.Option(min=8, help="Longer pairs are cut at the end of the longer listing.")] = 128,
    warmup: Annotated[float, typer.Option(help="Share of the steps in which the rate climbs.")] = 0.1,
    positive_weight: Annotated[float, typer.Option(help="How often a match counts in the loss.")] = 1.0,
    non_matches: Annotated[float | None, typer.Option(help="Non-matches drawn anew for each match in each epoch; default: all.")] = None,
    seed: Annotated[int, typer.Option(help="The same files, recipe and seed give the same network on one kind of CPU.")] = 0,
    on_bad_row: OnBadRow = BadRow.STOP,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Train a CrossEncoder on labelled pairs; needs the extra 'distill', and the hub for a base of a hub name."""
    from epm.distill.encoder_data import encoder_data
    from epm.distill.encoder_fitting import fit_encoder
    from epm.distill.encoder_network import require_packages
    from epm.distill.encoder_recipe import EncoderRecipe

    recipe = EncoderRecipe(
        base=base, epochs=epochs, learning_rate=learning_rate, batch_size=batch_size, max_tokens=max_tokens, warmup_share=warmup,
        positive_weight=positive_weight, non_matches=non_matches, seed=seed,
    )  # fmt: skip
    require_packages()
    held_out = None if valid is None else read_pair_file(valid, on_bad_row=on_bad_row)
    data = encoder_data(read_pair_file(train, on_bad_row=on_bad_row), held_out, seed=seed)
    _tell_leakage(data)
    with progress_sink() as on_progress:
        card = fit_encoder(data, out, recipe, on_progress=on_progress)
    _show("encoder", out, card.figures, as_json=as_json)


def _show(name: str, out: Path, figures: Mapping[str, object], *, as_json: bool) -> None:
    _tell(figures)
    if as_json:
        typer.echo(json.dumps({"folder": str(out), **figures}))
        return
    typer.echo(f"{name} written to {out}")
    for key, value in figures.items():
        typer.echo(f"  {key}: {value}")


def _tell_leakage(data: EncoderData) -> None:
    """Say on stderr what the pairs that choose share with those that train."""
    shared = data.leakage
    note(
        f"split: {shared.kind} of valid with train; of {shared.n} pairs, {shared.n_same_pair} stand in it, {shared.n_shared_listing} share a "
        f"listing, {shared.n_shared_product} share a product",
    )


def _tell(figures: Mapping[str, object]) -> None:
    """Say on stderr that figures of few pairs are rough, a perfect one included."""
    n, n_matches = (value if isinstance(value, int) else 0 for value in (figures["n_held_out"], figures["n_held_out_matches"]))
    if min(n_matches, n - n_matches) < _FEW:
        note(
            f"epm: note: the held-out figures rest on {n} pairs, {n_matches} of them matches: they may be off by several points, and a perfect "
            "one is no proof; bench the model on pairs of other products",
        )
