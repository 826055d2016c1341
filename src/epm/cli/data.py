"""``epm data``: a group's own tables looked at, imported and split, and the generated sample."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print the sample's card as JSON.")]
_COMMANDS = {"inspect": "data_inspect", "import": "data_import", "split": "data_split", "purge": "data_purge"}


def register(app: typer.Typer) -> None:
    """Add ``epm data`` to the program."""
    group = typer.Typer(
        help="Look at and import tables of pairs or of listings, split pairs; make the generated sample; purge text from the store.",
        no_args_is_help=True,
    )
    for name, module in _COMMANDS.items():
        group.command(name)(getattr(import_module(f"epm.cli.{module}"), module))
    group.command("generate")(generate)
    group.callback()(_group)
    app.add_typer(group, name="data")


def _group() -> None:
    """Look at and import tables of pairs or of listings, split pairs; make the generated sample; purge text from the store."""


def generate(
    out: Annotated[Path, typer.Option("--out", help="Folder for train, reinforce, valid and test.jsonl.gz and sample.json.")],
    *,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    n_train: Annotated[int, typer.Option("--train", help="Pairs in train.")] = 2000,
    n_reinforce: Annotated[int, typer.Option("--reinforce", min=1, help="Pairs for GRPO, unseen in train.")] = 600,
    n_valid: Annotated[int, typer.Option("--valid", help="Pairs in valid.")] = 500,
    n_test: Annotated[int, typer.Option("--test", help="Pairs in test, of unseen brands and two unseen categories.")] = 600,
    as_json: JsonOption = False,
) -> None:
    """Write seeded listing pairs with known relations; no product stands in two splits."""
    from epm.sample.splits import CARD_NAME, write_sample

    sizes = {"train": n_train, "reinforce": n_reinforce, "valid": n_valid, "test": n_test}
    card = write_sample(out, seed=seed, sizes=sizes)
    if as_json:
        typer.echo(json.dumps(card, ensure_ascii=False))
    else:
        typer.echo(f"{', '.join(f'{n} {split}' for split, n in sizes.items())} pairs in {out}; counts and checksums in {out / CARD_NAME}")
