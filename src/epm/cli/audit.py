"""``epm audit``: a student beside an oracle, gold beside both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.asking import Asking
from epm.cli.bounded import bounded
from epm.cli.money import Money
from epm.cli.option_groups import with_options
from epm.cli.options import (
    BadRow,
    Identity,
    Limit,
    Model,
    ModelsStore,
    OnBadRow,
    first_error,
    is_only_asked_for,
    matching_context,
    refuse_total_failure,
)
from epm.cli.pair_input import read_pair_file
from epm.cli.panels import OUTPUT, PanelCommand
from epm.cli.progress import progress_sink
from epm.cli.text_table import show_table


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("audit", cls=PanelCommand)(bounded(with_options(asking=Asking, money=Money)(audit), is_traceable=True))


def audit(
    pairs: Annotated[Path, typer.Argument(help="Pairs, labelled or not: .jsonl, .jsonl.gz, .csv or .parquet.")], *,
    student: Annotated[str, typer.Option(help="Matcher under audit, NAME or NAME:ARG.")],
    oracle: Annotated[str, typer.Option(help="Matcher it is compared with, NAME or NAME:ARG. An oracle is not truth.")],
    min_agreement: Annotated[
        float | None, typer.Option(min=0, max=1, help="Gate: exit 4 below this share of all pairs; an undecided pair is a disagreement.")
    ] = None,
    model: Model = None, identity: Identity = "strict", limit: Limit = None,
    on_bad_row: OnBadRow = BadRow.STOP, store: ModelsStore = None, asking: Asking, money: Money,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Say how far the student agrees with the oracle, where they differ, and who is right by gold."""
    from epm.eval.audit import audit as run_audit
    from epm.eval.tables import agreement_lines, audit_text_table, disagreement_text_table

    read = read_pair_file(pairs, on_bad_row=on_bad_row, limit=limit).pairs
    context = matching_context([student, oracle], model=model, asking=asking, identity=identity, store=store, money=money)
    with context as ctx, progress_sink() as sink:
        if is_only_asked_for(money, read, [student, oracle], ctx=ctx, as_json=as_json, on_progress=sink):
            return
        report = run_audit(read, student=student, oracle=oracle, ctx=ctx, on_progress=sink)
    if as_json:
        typer.echo(json.dumps(report.to_json(), allow_nan=False))
    else:
        show_table(audit_text_table(report))
        typer.echo("\n" + "\n".join(agreement_lines(report)) + "\n")
        show_table(disagreement_text_table(report))
    for side in (report.student, report.oracle):
        if side.first_failed is not None:
            refuse_total_failure(side.failures, report.n, f"{side.matcher!r}, {first_error(*side.first_failed)}")
    if min_agreement is not None:
        report.require_agreement(min_agreement)
