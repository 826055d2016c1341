"""``epm teach``: a matcher writes a rationale for each pair; repeat the command to resume."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asked_model import asked_model
from epm.cli.asking import Asking
from epm.cli.bounded import bounded
from epm.cli.money import Money, show_estimate, show_preview, tell
from epm.cli.option_groups import with_options
from epm.cli.options import DEFAULT_PLACE, BadRow, Identity, Limit, OnBadRow, StoreOption, first_error, refuse_total_failure
from epm.cli.panels import MODEL, OUTPUT, PanelCommand
from epm.cli.progress import progress_sink

if TYPE_CHECKING:
    from epm.agents.report import TeachReport


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("teach", cls=PanelCommand)(bounded(with_options(asking=Asking, money=Money)(teach), is_traceable=True))


def teach(
    pairs: Annotated[Path, typer.Argument(help="Pairs: .jsonl, .jsonl.gz, .csv or .parquet. Gold labels are only used for the report, unless --with-labels.")], *,
    matcher: Annotated[str, typer.Option(help="Who writes the rationales: NAME or NAME:ARG.")] = "multi-agent-rag",
    model: Annotated[str, typer.Option(help="'rules' (offline, free), a litellm name such as openai/gpt-4o-mini, or @NAME of a profile in epm.toml.", rich_help_panel=MODEL)] = "rules",
    identity: Identity = "strict",
    store: StoreOption = DEFAULT_PLACE,
    embedder: Annotated[str, typer.Option(help="Vectors of the knowledge index: minilm, hash, or auto (minilm where installed).")] = "auto",
    web_search: Annotated[str | None, typer.Option(metavar="NAME[:ARG]", help="Plug-in that may look open questions up on the web; without it no search leaves the machine.")] = None,
    limit: Limit = None,
    seed: Annotated[int, typer.Option(help="Seed of the order of items.")] = 0,
    on_bad_row: OnBadRow = BadRow.STOP,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin a new run instead of resuming; replies that are kept answer it again, for nothing.")] = False,
    with_labels: Annotated[bool, typer.Option("--with-labels", help="Tell the writer each pair's gold label, to be explained; marked in run, items and exports.")] = False,
    sample: Annotated[int, typer.Option(min=0, help="Number of the sample: another number is another run, which asks the model anew.", rich_help_panel=MODEL)] = 0,
    asking: Asking,
    money: Money,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Write a rationale for each pair into the store. Repeat the command to resume; finished items are not done again."""
    from epm.agents.teach_estimate import estimate_teach, preview_teach
    from epm.agents.teach_file import TeachOptions, teach_file

    asking.require_use(model)
    options = TeachOptions(
        matcher=matcher, model=replace(asked_model(model, asking, money), sample=sample), identity=identity, store=store, embedder=embedder, web_search=web_search, limit=limit, is_fresh=fresh, with_labels=with_labels,
        concurrency=asking.concurrency, seed=seed, on_bad_row=on_bad_row.value, bounds=money.bounds(),
        record=asking.record,
    )  # fmt: skip
    if money.dry_run:
        show_preview(preview_teach(pairs, options), as_json=as_json)
        return
    with progress_sink() as on_progress:
        if money.estimate is not None:
            show_estimate(estimate_teach(pairs, options, money.estimate, on_progress=on_progress), as_json=as_json)
            return
        report = teach_file(pairs, options, on_progress=on_progress, on_notice=tell)
    typer.echo(json.dumps(report.to_json()) if as_json else render_report(report))
    shown = f"'epm runs show {report.run_id}' gives an example of each class"
    if report.first_failed is not None:
        shown = f"{first_error(*report.first_failed)}; {shown}"
    refuse_total_failure(report.failed_by_class, report.n_items, shown)


def _by_tool(report: TeachReport) -> str:
    return f" ({', '.join(f'{tool} {n}' for tool, n in report.searches.items())})" if report.searches else ""


def render_report(report: TeachReport) -> str:
    """The report as lines of text."""
    failed = ", ".join(f"{name} {count}" for name, count in report.failed_by_class.items()) or "none"
    relations = ", ".join(f"{name} {count}" for name, count in report.relations.items()) or "none"
    unpriced = f" ({report.n_unpriced} calls of unknown price not counted)" if report.n_unpriced else ""
    sent = f"calls {report.n_calls} sent ({report.n_calls_failed} without a usable reply), {report.n_cached} from the cache"
    now = f"; this command: {report.n_calls_now} sent, ${report.cost_now_usd:.4f}" if report.n_calls_now != report.n_calls else ""
    lines = [
        f"run {report.run_id}: {report.n_items} items, {report.n_new} new at {report.pairs_per_s:.1f}/s",
        f"  decided {report.n_decided}, undecided {report.n_abstained}, failed {report.n_failed} (by class: {failed})",
        f"  relations: {relations}",
        f"  questions {report.n_questions}, searches {report.n_searches}{_by_tool(report)}, researched {report.n_researched}",
        f"  recalled {report.n_recalled} (reuse {report.reuse:.1%})",
        f"  decisive attributes left open {report.n_decisive}, asked for {report.n_decisive_asked}; questions for none of them {report.n_idle_questions}",
        f"  verify vetoes {report.n_vetoes}, for review {report.n_needs_review}, rationales unscored {report.n_unscored}",
        f"  {sent}, cost ${report.cost_usd:.4f}{unpriced}{now}",
        f"  knowledge: {report.knowledge}, {report.n_indexed} entries, indexed in {report.index_s:.1f} s",
    ]
    gold = report.gold
    if gold is not None:
        what = "against the labels it was told, so no measure of how it decides" if report.is_label_given else "against gold"
        lines.append(
            f"  {what} (n {gold.n}, positives {gold.positives}): P {gold.precision:.3f} R {gold.recall:.3f} F1 {gold.f1:.3f} "
            f"accuracy {gold.accuracy:.3f} coverage {gold.coverage:.3f}"
        )
    return "\n".join(lines)
