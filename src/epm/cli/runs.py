"""``epm runs``: what stands in the run store, and trying again what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.bounded import bounded
from epm.cli.money import Caps
from epm.cli.option_groups import with_options
from epm.cli.options import DEFAULT_PLACE, StoreOption, refuse_total_failure
from epm.cli.panels import LIMITS, OUTPUT, PanelCommand
from epm.cli.progress import progress_sink
from epm.cli.runs_compare import compare_two
from epm.cli.streams import note
from epm.cli.visible import visible_lines
from epm.errors import ConfigError, ErrorClass

if TYPE_CHECKING:
    from epm.agents.teach_retry import RetryReport
    from epm.judges.score_retry import JudgeRetryReport

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)]


def register(app: typer.Typer) -> None:
    """Add ``epm runs`` to the program."""
    group = typer.Typer(
        help="List, show, compare and retry runs: items, calls, tokens, cost, failures, what left the machine.", no_args_is_help=True
    )
    group.command("list")(list_runs)
    group.command("show")(show_run)
    group.command("compare")(compare_two)
    group.command("retry", cls=PanelCommand)(bounded(with_options(caps=Caps)(retry_run)))
    app.add_typer(group, name="runs")


def list_runs(*, store: StoreOption = DEFAULT_PLACE, as_json: JsonOption = False) -> None:
    """List every run, the latest first: what it read and asked, how far it came, what waits for people, what it cost."""
    from dataclasses import asdict

    from epm.cli.run_rows import runs_table
    from epm.store.render import run_to_json
    from epm.store.run_figures import RunFigures, figures_by_run
    from epm.store.store import RunStore

    with RunStore.open_to_read(store) as opened:
        runs, damaged = opened.readable_runs()
        figures = opened.read(figures_by_run)
    rows = [{**run_to_json(run), **asdict(figures.get(run.run_id, RunFigures()))} for run in runs]
    for error in damaged:
        note(f"epm: note: left out: {' '.join(visible_lines(str(error)))}")
    _print(as_json, {"runs": rows}, runs_table(runs, figures))


def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id or its first characters.")],
    *,
    store: StoreOption = DEFAULT_PLACE,
    as_json: JsonOption = False,
) -> None:
    """Show one run: totals, cost per item, what left the machine, failures by class with an example each."""
    from epm.store.render import summary_text, summary_to_json
    from epm.store.store import RunStore

    with RunStore.open_to_read(store) as opened:
        summary = opened.run_summary(run)
    _print(as_json, summary_to_json(summary), summary_text(summary))


def retry_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id or its first characters.")], *,
    failed: Annotated[bool, typer.Option("--failed", help="Try the failed items again; what is done stays as it is.")] = False,
    error_class: Annotated[list[ErrorClass] | None, typer.Option("--class", help="Only what failed with this class; repeatable.")] = None,
    judgements: Annotated[bool, typer.Option("--judgements", help="Ask judges again whose calls failed, instead of deciding failed items.")] = False,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Items, and calls, at work at a time; as it was, if not given.", rich_help_panel=LIMITS)] = None,
    store: StoreOption = DEFAULT_PLACE,
    caps: Caps,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Try again what failed, with the pairs and settings kept in the store: no input file is needed."""
    from epm.agents.teach_retry import retry_failed
    from epm.judges.score_retry import retry_judging

    if not failed:
        raise ConfigError("nothing to do: say --failed to try the failed items again")
    classes = frozenset(error_class or ())
    with progress_sink() as sink:
        report: RetryReport | JudgeRetryReport
        if judgements:
            report = retry_judging(run, store=store, classes=classes, concurrency=concurrency, bounds=caps.bounds(), on_progress=sink)
        else:
            report = retry_failed(run, store=store, classes=classes, concurrency=concurrency, bounds=caps.bounds(), on_progress=sink)
    _print(as_json, report.to_json(), report.summary())
    refuse_total_failure(report.failed_by_class, report.n_tried, f"'epm runs show {report.run_id}' gives an example of each class")


def _print(as_json: bool, value: dict[str, object], text: str) -> None:
    import json

    # ASCII: text of listings and servers may hold control characters and half characters
    typer.echo(json.dumps(value, indent=2) if as_json else "\n".join(visible_lines(text)))
