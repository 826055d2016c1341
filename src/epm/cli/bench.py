"""``epm bench``: figures of several matchers on the same labelled pairs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asking import Asking
from epm.cli.bounded import bounded
from epm.cli.money import Money, show_preview
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
from epm.cli.streams import note
from epm.cli.text_table import show_table
from epm.errors import ConfigError
from epm.store.place import StorePlace

if TYPE_CHECKING:
    from epm.eval.bench import BenchReport
    from epm.pair import Pair


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("bench", cls=PanelCommand)(bounded(with_options(asking=Asking, money=Money)(bench), is_traceable=True))


def bench(
    pairs: Annotated[Path, typer.Argument(help="Labelled pairs: .jsonl, .jsonl.gz, .csv or .parquet.")], *,
    matcher: Annotated[list[str] | None, typer.Option(help="NAME or NAME:ARG; repeat for more rows.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="A bench.toml: each [[row]] a matcher with its own model, price, identity and prompt.")
    ] = None,
    valid: Annotated[Path | None, typer.Option(help="Labelled pairs to choose thresholds on; without it rows are as-is.")] = None,
    model: Model = None, identity: Identity = "strict", limit: Limit = None,
    on_bad_row: OnBadRow = BadRow.STOP, store: ModelsStore = None, asking: Asking, money: Money,
    as_json: Annotated[bool, typer.Option("--json", help='Print {"rows": [...]} and nothing else.', rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Measure matchers against the gold labels, with 95 % intervals over left and right products."""
    from epm.eval.bench import bench as run_bench
    from epm.eval.tables import bench_text_table

    specs = matcher or []
    if bool(specs) == (plan is not None):
        raise ConfigError("epm bench needs --matcher NAME, once or more, or --plan bench.toml: give one of the two")
    tested = read_pair_file(pairs, on_bad_row=on_bad_row, limit=limit).pairs
    tuning = None if valid is None else read_pair_file(valid, on_bad_row=on_bad_row).pairs
    if plan is not None:
        report = _bench_file(plan, tested, tuning, model=model, identity=identity, store=store, asking=asking, money=money, as_json=as_json)
    else:
        context = matching_context(specs, model=model, asking=asking, identity=identity, store=store, money=money)
        with context as ctx, progress_sink() as sink:
            if is_only_asked_for(money, (*tested, *(tuning or ())), specs, ctx=ctx, as_json=as_json, on_progress=sink):
                return
            report = run_bench(tested, specs, ctx=ctx, valid=tuning, on_progress=sink)
    if report is None:
        return
    _tell(report)
    if as_json:
        typer.echo(json.dumps(report.to_json(), allow_nan=False))
    else:
        show_table(bench_text_table(report.rows))
    _refuse_without_a_result(report)


def _bench_file(
    path: Path, tested: Sequence[Pair], tuning: Sequence[Pair] | None, *, model: str | None, identity: str, store: StorePlace | None,
    asking: Asking, money: Money, as_json: bool,
) -> BenchReport | None:  # fmt: skip
    """The report of a bench file's rows; ``None`` when a dry run was wanted, and printed."""
    from epm.cli.bench_rows import planned_rows
    from epm.eval.bench_plan import RowSettings, bench_plan, preview_plan

    plan, sha = planned_rows(path, model=model, identity=identity, asking=asking, money=money)
    if money.dry_run:
        show_preview(preview_plan((*tested, *(tuning or ())), plan), as_json=as_json)
        return None
    shared = RowSettings(store, money.bounds(), asking.concurrency, asking.record)
    with progress_sink() as sink:
        return bench_plan(tested, plan, shared, valid=tuning, plan_sha=sha, on_progress=sink)


def _tell(report: BenchReport) -> None:
    if report.plan_sha is not None:
        note(f"plan: sha256 {report.plan_sha}")
    if report.n_unlabelled:
        note(f"{report.n_unlabelled} pairs without a gold label were left out")
    if report.leakage is not None:
        shared = report.leakage
        note(
            f"split: {shared.kind} with --valid; of {shared.n} pairs, {shared.n_same_pair} stand in it, {shared.n_shared_listing} share a listing, "
            f"{shared.n_shared_product} share a product",
        )
    for result in report.results:
        for name, count in result.failures.items():
            first = next(d for d in result.decisions if d.error_class is not None and d.error_class.value == name)
            note(f"{result.row.matcher}: {count} pairs failed with {name}; {first_error(first.pair_id, first.error)}")
        for decision in result.decisions:
            told = decision.provenance.get("disagreements")
            for line in told if isinstance(told, list) else ():
                note(f"{result.row.matcher}: pair {decision.pair_id!r}: {line}")


def _refuse_without_a_result(report: BenchReport) -> None:
    """Refuse a report in which no matcher decided any pair: its figures are no measurement.

    Raises:
        ConfigError: every pair of every matcher failed; the first errors stand on stderr above.
    """
    failures = Counter[str]()
    for result in report.results:
        failures.update(result.failures)
    n_decisions = sum(len(result.decisions) for result in report.results)
    refuse_total_failure(failures, n_decisions, "the first error of each matcher stands above")
