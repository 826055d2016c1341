"""``epm import``: work that other systems recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.options import DEFAULT_PLACE, BadRow, OnBadRow, StoreOption
from epm.cli.pair_input import read_pair_file
from epm.cli.progress import progress_sink

_SHOWN_IDS = 10


def register(app: typer.Typer) -> None:
    """Add the command group to the program."""
    group = typer.Typer(no_args_is_help=True, help="Take over work that other systems recorded.")
    group.command("explanations")(explanations)
    app.add_typer(group, name="import")


def explanations(
    file: Annotated[Path, typer.Argument(help="Recorded structured explanations, .jsonl or .jsonl.gz: pair_id, model, prompt_name, answer_text, …")], *,
    pairs: Annotated[Path, typer.Option(help="The pairs they explain.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write the rationales to this .jsonl file.")] = None,
    on_bad_row: OnBadRow = BadRow.STOP,
    store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Turn recorded explanations into rationales; say what was parsed, kept, dropped, and what contradicts its given label."""
    from epm.files.overwriting import refuse_overwriting
    from epm.imports.explanations import import_explanations
    from epm.imports.import_run import input_sha256, store_import, write_rationales
    from epm.store.store import RunStore

    if out is not None:
        refuse_overwriting(out, [file, pairs, store.path])
    read = read_pair_file(pairs, on_bad_row=on_bad_row)
    found = import_explanations(file, read.pairs)
    if out is not None:
        write_rationales(out, found)
    with RunStore.open(store) as opened, progress_sink() as sink:
        run_id = store_import(opened, found, input_sha=input_sha256(file, read.sha256), on_progress=sink)
    contradicting = found.contradicting()
    if as_json:
        typer.echo(json.dumps({"run_id": run_id, **found.figures(), "contradicting_given_label": contradicting}, allow_nan=False))
        return
    typer.echo(f"run {run_id}")
    for name, value in found.figures().items():
        shown = f"{value:.4f}" if isinstance(value, float) else json.dumps(value) if isinstance(value, dict) else value
        typer.echo(f"  {name}: {shown}")
    if contradicting:
        more = f" and {len(contradicting) - _SHOWN_IDS} more" if len(contradicting) > _SHOWN_IDS else ""
        typer.echo(f"  contradicting their given label: {', '.join(contradicting[:_SHOWN_IDS])}{more}; review these pairs")
