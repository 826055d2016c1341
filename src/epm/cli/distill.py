"""``epm distill pretrain|sft|grpo``: train the seed, an SFT adapter, a GRPO adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.bounded import bounded
from epm.cli.progress import progress_sink

Json = Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for the student.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(
        name="distill", help="Train a local student: pretrain the seed, SFT on rationales, GRPO on the reward.", no_args_is_help=True
    )
    group.command("pretrain")(bounded(pretrain))
    group.command("sft")(bounded(sft))
    group.command("grpo")(bounded(grpo))
    app.add_typer(group)


def pretrain(
    out: Out, *, minutes: Annotated[float | None, typer.Option(help="Train this long, checkpoints and restarts included.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train this many steps instead.")] = None,
    start: Annotated[str | None, typer.Option(help="Begin with this student's weights and tokenizer instead of from nothing.")] = None,
    learning_rate: Annotated[float, typer.Option(help="Peak rate.")] = 2e-3, seed: Seed = 1, as_json: Json = False,
) -> None:  # fmt: skip
    """Train a seed student on generated pairs; repeat the command to go on after an interruption."""
    from epm.distill.pretrain import PretrainRecipe
    from epm.distill.pretrain import pretrain as run

    with progress_sink() as on_progress:
        recipe = PretrainRecipe(minutes=minutes, steps=steps, start=start, learning_rate=learning_rate, seed=seed)
        result = run(out, recipe, on_progress=on_progress)
    _show(result.folder, result.figures(), as_json=as_json)


def sft(
    rows: Annotated[Path, typer.Argument(help="SFT rows, from 'epm export RUN --format sft -o FILE'.")], out: Out, *,
    base: Annotated[str, typer.Option(help="'seed', a student folder, or a hub name.")] = "seed",
    epochs: Annotated[float, typer.Option(help="Passes over the rows.")] = 3.0,
    learning_rate: Annotated[float, typer.Option(help="Peak rate; about 2e-4 for a hub model.")] = 1.2e-3,
    split: Annotated[list[str] | None, typer.Option(help="Learn from the rows of this split only; repeatable. Needed for others than train.")] = None,
    shuffle_labels: Annotated[bool, typer.Option("--shuffle-labels", help="Control: hand labels to other pairs at random.")] = False,
    seed: Seed = 0, as_json: Json = False,
) -> None:  # fmt: skip
    """Fine-tune a LoRA adapter on rationales, loss on the completion only."""
    from epm.distill.dataset_files import read_sft_rows
    from epm.distill.sft import SftRecipe, run_sft
    from epm.distill.train_splits import rows_to_learn_from

    recipe = SftRecipe(base=base, epochs=epochs, learning_rate=learning_rate, shuffle_labels=shuffle_labels, seed=seed)
    chosen = rows_to_learn_from(read_sft_rows(rows), frozenset(split or ()))
    with progress_sink() as on_progress:
        result = run_sft(chosen, out, recipe, on_progress=on_progress)
    _show(result.folder, result.figures(), as_json=as_json)


def grpo(
    pairs: Annotated[Path, typer.Argument(help="Labelled pairs to train on.")], out: Out, *,
    student: Annotated[Path, typer.Option(help="Folder of the SFT adapter.")],
    judge: Annotated[list[str] | None, typer.Option(help="Judge of the panel; repeatable. Default: checks.")] = None,
    steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 20,
    learning_rate: Annotated[float, typer.Option(help="Constant rate; about 1e-5 for a hub model.")] = 1e-3,
    beta: Annotated[float, typer.Option(help="Weight of the KL divergence to the SFT policy.")] = 0.0,
    max_tokens: Annotated[int, typer.Option(help="Most tokens of a completion.")] = 192, seed: Seed = 0, as_json: Json = False,
) -> None:  # fmt: skip
    """Train the SFT adapter further with GRPO; refuses a student whose samples are malformed."""
    from epm.distill.grpo import GrpoRecipe, run_grpo
    from epm.files.pairs import read_pairs
    from epm.registry import make_judge

    judges = [make_judge(name) for name in judge or ["checks"]]
    recipe = GrpoRecipe(steps=steps, learning_rate=learning_rate, beta=beta, max_tokens=max_tokens, seed=seed)
    with progress_sink() as on_progress:
        result = run_grpo(read_pairs(pairs).pairs, str(student), out, judges=judges, recipe=recipe, on_progress=on_progress)
    _show(result.folder, result.figures(), as_json=as_json)


def _show(folder: Path, figures: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"student": str(folder), **figures}))
        return
    typer.echo(f"student written to {folder}")
    for name, value in figures.items():
        typer.echo(f"  {name}: {value}")
