"""``epm judge score``: judges grade the rationales of a stored run; repeat the command to resume."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asked_model import asked_model
from epm.cli.asking import Asking
from epm.cli.bounded import bounded
from epm.cli.money import Money, show_estimate, show_preview, tell
from epm.cli.option_groups import with_options
from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.cli.panels import LIMITS, MODEL, MONEY, OUTPUT, PanelCommand
from epm.cli.progress import progress_sink

if TYPE_CHECKING:
    from epm.judges.score import ScoreReport


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(name="judge", help="Grade rationales on three axes.", no_args_is_help=True)
    group.command("score", cls=PanelCommand)(bounded(with_options(asking=Asking, money=Money)(score), is_traceable=True))

    @group.callback()
    def _group() -> None:
        """Keep 'score' a subcommand while it is the only one."""

    app.add_typer(group)


def score(
    run: Annotated[str, typer.Argument(help="Run id, or its first characters.")], *,
    judge: Annotated[list[str] | None, typer.Option(help="Judge, repeatable. Default: checks, core, identifier, variant.")] = None,
    model: Annotated[str | None, typer.Option(help="Model of the model judges, or @NAME of a profile in epm.toml; without one they stay unscored.", rich_help_panel=MODEL)] = None,
    store: StoreOption = DEFAULT_PLACE,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first rationales.", rich_help_panel=LIMITS)] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Ask the first questions as a batch of OpenAI or Azure: half the price, up to a day; repeat to resume.", rich_help_panel=MONEY)
    ] = False,
    asking: Asking,
    money: Money,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Grade the rationales of a run and keep the judgements in the store."""
    from epm.gateway.batch import require_batches
    from epm.judges.score_estimate import estimate_scoring, preview_scoring
    from epm.judges.score_stored import DEFAULT_JUDGES, ScoreOptions, score_stored

    asking.require_use(model)
    settings = None if model is None else asked_model(model, asking, money)
    if batch:
        require_batches(settings)
    options = ScoreOptions(
        judges=judge or DEFAULT_JUDGES, model=settings, store=store, limit=limit, concurrency=asking.concurrency, bounds=money.bounds(),
        record=asking.record, is_batch=batch,
    )  # fmt: skip
    if money.dry_run:
        show_preview(preview_scoring(run, options), as_json=as_json)
        return
    with progress_sink() as on_progress:
        if money.estimate is not None:
            show_estimate(estimate_scoring(run, options, money.estimate, on_progress=on_progress), as_json=as_json)
            return
        report = score_stored(run, options, on_progress=on_progress, on_notice=tell)
    typer.echo(json.dumps(report.to_json()) if as_json else render_report(report))
    _refuse_a_silent_judge(report, has_model=settings is not None)


def _refuse_a_silent_judge(report: ScoreReport, *, has_model: bool) -> None:
    """Nothing, when every judge scored something: a script must not take a silent one for a success.

    Without a model the judges that need one are left out, as long as another scored.

    Raises:
        ConfigError: a judge scored no rationale on any axis; says why.
    """
    from epm.errors import ConfigError

    silent = [judge for judge, axes in report.judges.items() if axes and not any(figures.n_scored for figures in axes.values())]
    if not silent or (not has_model and len(silent) < len(report.judges)):
        return
    reasons = [reason for figures in report.judges[silent[0]].values() for reason in figures.unscored_reasons]
    raise ConfigError(
        f"judge {silent[0]!r} scored none of {report.n_rationales} rationales{_remedy(reasons)}; "
        f"the first reason: {reasons[0] if reasons else 'none was told'}; what was scored is kept, so repeat the command"
    )


def _remedy(reasons: Sequence[str]) -> str:
    """What to do about the class that the first reason begins with, if it is of a failed call."""
    from epm.errors import ErrorClass
    from epm.gateway.remedies import REMEDIES

    name = reasons[0].partition(":")[0] if reasons else ""
    return f": {REMEDIES[ErrorClass(name)]}" if name in set(ErrorClass) else ""


def render_report(report: ScoreReport) -> str:
    """The report as lines of text."""
    lines = [f"run {report.run_id}: {report.n_rationales} rationales, {report.n_new} new judgements, cost ${report.cost_usd:.4f}"]
    if report.batch is not None:
        price = ", at half the ordinary price, for no batch price is listed" if report.batch.is_price_assumed else ""
        lines.append(
            f"  batch: {report.batch.n_calls} calls, {report.batch.n_failed} without a usable reply, ${report.batch.cost_usd:.4f}{price}"
        )
    for judge, axes in report.judges.items():
        for axis, figures in axes.items():
            mean = "-" if figures.mean is None else f"{figures.mean:.3f}"
            lines.append(f"  {judge:<12} {axis:<10} mean {mean}  scored {figures.n_scored}  unscored {figures.unscored_rate:.1%}")
            lines += [f"    {count} unscored: {reason}" for reason, count in figures.unscored_reasons.items()]
    return "\n".join(lines)
