"""``epm export``: a run's rationales as an SFT file or a table of rationales."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.config import DEFAULT_STORE
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.rationale import Axis


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("export")(export)


def export(
    run: Annotated[str, typer.Argument(help="Run id, or its beginning.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write, .jsonl or .parquet.")], *,
    view: Annotated[str, typer.Option("--format", help="sft: prompts and completions; rationales: one row per rationale.")] = "sft",
    min_score: Annotated[list[str] | None, typer.Option(help="AXIS=SCORE, e.g. core=0.7; unscored rationales are left out.")] = None,
    gold_agrees: Annotated[bool, typer.Option("--gold-agrees", help="Leave out rationales that contradict the gold label.")] = False,
    label_share: Annotated[float, typer.Option(help="Share of label-mode rows.")] = 0.3,
    one_order: Annotated[bool, typer.Option("--one-order", help="Only the stored order of the listings.")] = False,
    store: Annotated[Path, typer.Option(help="Run store.")] = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Write the rationales of a run as a dataset, and say what was left out and why."""
    from epm.distill.dataset import ViewOptions
    from epm.distill.export import ExportFormat, export_run
    from epm.files.overwriting import refuse_overwriting
    from epm.store.store import RunStore

    if view not in set(ExportFormat):
        raise ConfigError(f"format {view!r} is unknown: use one of {', '.join(ExportFormat)}")
    refuse_overwriting(out, [store])
    options = ViewOptions(_min_scores(min_score or []), gold_agrees=gold_agrees, label_share=label_share, both_orders=not one_order)
    with RunStore.open(store) as opened:
        result = export_run(opened, run, out, view=ExportFormat(view), options=options)
    summary = {
        "path": str(result.path),
        "n_rows": result.n_rows,
        "n_items": result.n_items,
        "n_kept": result.n_kept,
        "dropped": dict(result.dropped),
    }
    if as_json:
        typer.echo(json.dumps({**summary, "sha256": result.sha256}))
        return
    typer.echo(f"{result.n_rows} rows from {result.n_kept} of {result.n_items} rationales written to {result.path}")
    for reason, n in result.dropped.items():
        typer.echo(f"  left out, {reason}: {n}")


def _min_scores(texts: list[str]) -> dict[Axis, float]:
    from epm.rationale import Axis

    found: dict[Axis, float] = {}
    for text in texts:
        axis, _, score = text.partition("=")
        try:
            found[Axis(axis)] = float(score)
        except ValueError as error:
            msg = f"--min-score {text!r} is not AXIS=SCORE: use one of {', '.join(Axis)} and a number from 0 to 1, e.g. core=0.7"
            raise ConfigError(msg) from error
    return found
