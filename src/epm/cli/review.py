"""``epm review``: people answer what the teacher is unsure of, in the terminal, a spreadsheet or Label Studio."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import DEFAULT_PLACE, BadRow, OnBadRow, StoreOption
from epm.cli.streams import note
from epm.errors import DataError

if TYPE_CHECKING:
    from epm.eval.rater_agreement import Figure, RaterAgreement
    from epm.identity import IdentityRule
    from epm.store.store import RunStore

Rater = Annotated[str, typer.Option(help="Whose turn it is; each rater sees an item once, in an order of their own.")]
Run = Annotated[str | None, typer.Option(help="Only this run: its id or first characters.")]
ShowTeacher = Annotated[
    bool, typer.Option("--show-teacher", help="Show the teacher's label, rationale and reasons; such answers are not independent.")
]
_HELP = "Answer what the teacher is unsure of: one by one, or through a spreadsheet or Label Studio; and how far people agree."


class SheetFormat(StrEnum):
    """What ``epm review export`` writes."""

    CSV = "csv"
    LABEL_STUDIO = "label-studio"


def register(app: typer.Typer) -> None:
    """Add ``epm review`` to the program."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    group.command("next")(next_items)
    group.command("export")(export_queue)
    group.command("import")(import_answers)
    group.command("agreement")(agreement)
    app.add_typer(group, name="review")


def next_items(
    *,
    rater: Rater, run: Run = None, show_teacher: ShowTeacher = False, store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[
        bool,
        typer.Option("--json", help='Print each item as a line of JSON and read its answer from stdin, {"label": "match"} or {} to pass it over.'),
    ] = False,
) -> None:  # fmt: skip
    """Answer the items that wait for people, one after another; each answer is kept at once, so stop when you like."""
    from epm.cli.review_asking import ask_in_json, ask_person
    from epm.review.answer import check_rater
    from epm.review.session import review_turn
    from epm.store.store import RunStore

    name = check_rater(rater)
    with RunStore.open(store, must_exist=True) as opened:
        rules = _rules(opened)
        ask = ask_in_json(rules) if as_json else ask_person(rules)
        turn = review_turn(opened, name, ask, run_id=_run_id(opened, run), show_teacher=show_teacher)
    hint = "; repeat 'epm teach' to let the answered items go on" if turn.n_answered else ""
    note(f"epm: {turn.n_answered:,} answered, {turn.n_open:,} open for {name}{hint}")


def export_queue(
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write.")], *,
    rater: Rater,
    kind: Annotated[SheetFormat, typer.Option("--format", help="csv for a spreadsheet, or label-studio for tasks in JSON.")] = SheetFormat.CSV,
    run: Run = None, show_teacher: ShowTeacher = False, store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Write a rater's queue to a file, with the answers given so far; fill it and bring it back with ``epm review import``."""
    from epm.files.overwriting import refuse_overwriting
    from epm.review.answer import check_rater
    from epm.review.label_studio import write_tasks
    from epm.review.sheet import write_sheet
    from epm.review.task import review_tasks
    from epm.store.store import RunStore

    suffix = ".csv" if kind is SheetFormat.CSV else ".json"
    if out.suffix.lower() != suffix:
        raise DataError(f"cannot write {str(out)!r} as {kind.value}: name a file that ends in {suffix}")
    refuse_overwriting(out, [store.path])
    with RunStore.open(store, must_exist=True) as opened:
        tasks = list(review_tasks(opened, check_rater(rater), _run_id(opened, run), show_teacher=show_teacher))
    paths = [out]
    if kind is SheetFormat.CSV:
        write_sheet(out, tasks)
    else:
        paths.append(write_tasks(out, tasks))
    n_answered = sum(task.given is not None for task in tasks)
    summary = {"paths": [str(path) for path in paths], "n_items": len(tasks), "n_answered": n_answered}
    text = f"{len(tasks):,} items, {n_answered:,} of them answered, written to {' and '.join(map(str, paths))}"
    typer.echo(json.dumps(summary) if as_json else text)


def import_answers(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A filled sheet (.csv, .xlsx), or Label Studio's export in JSON (.json).")], *,
    on_bad_row: OnBadRow = BadRow.STOP, store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Keep the answers of a file; where a row is wrong, none of them or, with ``--on-bad-row skip``, the good ones. Again adds nothing."""
    from epm.review.importing import import_reviews
    from epm.store.store import RunStore

    with RunStore.open(store, must_exist=True) as opened:
        imported = import_reviews(opened, path, _rules(opened), skip_bad=on_bad_row is BadRow.SKIP)
    for problem in imported.problems:
        note(f"epm: skipped {problem}")
    bad = f", {len(imported.problems):,} bad ones skipped" if imported.problems else ""
    text = f"{imported.n_new:,} answers kept, {imported.n_known:,} were here already, {imported.n_unanswered:,} rows have none{bad}"
    typer.echo(json.dumps(imported.to_json()) if as_json else text)


def agreement(
    *,
    run: Run = None, store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Show how far raters agree: raw share, Cohen's kappa of each two, Krippendorff's alpha of all, with n and 95 % interval."""
    from epm.eval.rater_agreement import rater_agreement
    from epm.store.review_queue import stored_reviews
    from epm.store.store import RunStore

    with RunStore.open_to_read(store) as opened:
        run_id = _run_id(opened, run)
        report = rater_agreement(opened.read(lambda connection: stored_reviews(connection, run_id)))
    typer.echo(json.dumps(report.to_json()) if as_json else _agreement_text(report))


def _run_id(store: RunStore, run: str | None) -> str | None:
    return None if run is None else store.run(run).run_id


def _rules(store: RunStore) -> dict[str, IdentityRule]:
    from epm.judges.run_identity import identity_of

    return {run.run_id: identity_of(run.spec.settings) for run in store.runs()}


def _agreement_text(report: RaterAgreement) -> str:
    lines = [f"{rater}: {n:,} answers" for rater, n in report.n_by_rater.items()] or ["nobody answered yet"]
    lines += [
        f"{two.one} and {two.other}: n {two.n:,}, raw {_figure(two.raw)}, Cohen's kappa {_figure(two.cohen_kappa)}" for two in report.pairs
    ]
    if len(report.n_by_rater) > 1:
        alpha = _figure(report.krippendorff_alpha)
        lines.append(
            f"all {len(report.n_by_rater)}: n {report.n:,} with two answers or more, {report.n_split:,} split, Krippendorff's alpha {alpha}"
        )
    return "\n".join(lines)


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "undefined"
    interval = "no interval" if figure.ci95 is None else f"{figure.ci95[0]:.3f} to {figure.ci95[1]:.3f}"
    return f"{figure.value:.3f} [{interval}]"
