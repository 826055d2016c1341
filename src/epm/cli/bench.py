"""``epm bench``: figures of several matchers on the same labelled pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asking import Asking
from epm.cli.bounded import bounded
from epm.cli.money import Money
from epm.cli.option_groups import with_options
from epm.cli.options import BadRow, Identity, Limit, Model, OnBadRow, Store, is_only_asked_for, matching_context
from epm.cli.pair_input import read_pair_file
from epm.cli.progress import progress_sink
from epm.cli.text_table import show_table

if TYPE_CHECKING:
    from epm.eval.bench import BenchReport


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("bench")(bounded(with_options(asking=Asking, money=Money)(bench)))


def bench(
    pairs: Annotated[Path, typer.Argument(help="Labelled pairs: .jsonl, .jsonl.gz, .csv or .parquet.")], *,
    matcher: Annotated[list[str], typer.Option(help="NAME or NAME:ARG; repeat for more rows.")],
    valid: Annotated[Path | None, typer.Option(help="Labelled pairs to choose thresholds on; without it rows are as-is.")] = None,
    model: Model = None, identity: Identity = "strict", limit: Limit = None,
    on_bad_row: OnBadRow = BadRow.STOP, store: Store = None, asking: Asking, money: Money,
    as_json: Annotated[bool, typer.Option("--json", help='Print {"rows": [...]} and nothing else.')] = False,
) -> None:  # fmt: skip
    """Measure matchers against the gold labels, with 95 % intervals over left and right products."""
    from epm.eval.bench import bench as run_bench
    from epm.eval.tables import bench_text_table

    tested = read_pair_file(pairs, on_bad_row=on_bad_row, limit=limit).pairs
    tuning = None if valid is None else read_pair_file(valid, on_bad_row=on_bad_row).pairs
    context = matching_context(matcher, model=model, asking=asking, identity=identity, store=store, money=money)
    with context as ctx, progress_sink() as sink:
        if is_only_asked_for(money, (*tested, *(tuning or ())), matcher, ctx=ctx, as_json=as_json, on_progress=sink):
            return
        report = run_bench(tested, matcher, ctx=ctx, valid=tuning, on_progress=sink)
    _tell(report)
    if as_json:
        typer.echo(json.dumps(report.to_json(), allow_nan=False))
    else:
        show_table(bench_text_table(report.rows))


def _tell(report: BenchReport) -> None:
    if report.n_unlabelled:
        typer.echo(f"{report.n_unlabelled} pairs without a gold label were left out", err=True)
    if report.leakage is not None:
        shared = report.leakage
        typer.echo(
            f"split: {shared.kind} with --valid; of {shared.n} pairs, {shared.n_same_pair} stand in it, {shared.n_shared_listing} share a listing, "
            f"{shared.n_shared_product} share a product",
            err=True,
        )
    for result in report.results:
        for name, count in result.failures.items():
            typer.echo(f"{result.row.matcher}: {count} pairs failed with {name}", err=True)
        for decision in result.decisions:
            told = decision.provenance.get("disagreements")
            for line in told if isinstance(told, list) else ():
                typer.echo(f"{result.row.matcher}: pair {decision.pair_id!r}: {line}", err=True)
